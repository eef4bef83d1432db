package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// makeBundle writes the bundles of our container for a runtime alone: one that says that it is ready to us, and one
// that leaves it to the runtime to hand that on.
func makeBundle(runtime string) error {
	data, err := os.ReadFile(filepath.Join(filepath.Dir(files(runtime)), "config.json"))
	if err != nil {
		return err
	}
	var spec specs.Spec
	if err := json.Unmarshal(data, &spec); err != nil {
		return err
	}
	if spec.Root.Path, err = filepath.EvalSymlinks(files(runtime)); err != nil {
		return err
	}
	spec.Linux.CgroupsPath = "/alone"
	at := slices.IndexFunc(spec.Mounts, func(m specs.Mount) bool { return m.Source == "/run/systemd/notify" })
	spec.Mounts[at].Source = readiness
	if err := writeBundle(bundle(runtime), spec); err != nil {
		return err
	}
	spec.Linux.CgroupsPath = "/alone-unit"
	spec.Mounts = slices.Delete(spec.Mounts, at, at+1)
	spec.Process.Env = slices.DeleteFunc(spec.Process.Env, func(e string) bool { return strings.HasPrefix(e, "NOTIFY_SOCKET=") })
	return writeBundle(bundle(runtime)+"-unit", spec)
}

func writeBundle(dir string, spec specs.Spec) error {
	data, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "config.json"), data, 0o600)
}
