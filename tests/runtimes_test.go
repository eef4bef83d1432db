package tests_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

// createScript makes a container of the bundle $2 with the runtime $1: all that a runtime does but for executing the
// program.
const createScript = `cp -a "/bundles/$2" /tmp/ && "$1" create --bundle "/tmp/$2" "$2" </dev/null >/tmp/out 2>&1
code=$?; cat /tmp/out; "$1" delete --force "$2"; rm -r "/tmp/$2"; exit $code`

// TestRuntimesTakeWhatIsCompiled starts what package runcspec makes of the configurations of the images in the world.
func TestRuntimesTakeWhatIsCompiled(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../runcspec/testdata/compiled/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	bundles := t.TempDir()
	sources := []string{"mkdir", "-p"}
	for _, file := range files {
		sources = append(sources, writeBundle(t, file, bundles)...)
	}
	m := hosttest.Boot(t, bed.Lab, host.Options{Mounts: map[string]string{"/bundles": bundles}})
	m.Must(sources...)
	for _, runtime := range []string{"runc", "crun"} {
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".json")
			t.Run(runtime+" "+name, func(t *testing.T) {
				result := m.Try("sh", "-c", createScript, "sh", runtime, name)
				if result.Code != 0 || result.Stdout != "" {
					t.Errorf("exit status %d: %s%s", result.Code, result.Stdout, result.Stderr)
				}
			})
		}
	}
}

// writeBundle writes the bundle of a golden file into dir, and returns the directories of the host that it binds.
func writeBundle(t *testing.T, file, dir string) (sources []string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var spec specs.Spec
	hosttest.Parse(t, string(data), &spec)
	bundle := filepath.Join(dir, strings.TrimSuffix(filepath.Base(file), ".json"))
	program := filepath.Join(bundle, "rootfs/bin/x")
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, []byte("#!/bin/x\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	spec.Process.Args = []string{"/bin/x"}
	// The machine is a container that may not do this; a host may.
	spec.Process.OOMScoreAdj, spec.Process.Rlimits = nil, nil
	if spec.Linux.Resources != nil {
		spec.Linux.Resources.Devices = nil
	}
	for _, m := range spec.Mounts {
		if m.Type == "bind" {
			sources = append(sources, bindable(m.Source))
		}
	}
	data, err = json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bundle, "config.json"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	return sources
}

// bindable is the directory to make so that source is there; files are there already.
func bindable(source string) string {
	switch source {
	case "/etc/hosts", "/etc/resolv.conf", "/etc/machine-id", "/run/systemd/notify":
		return filepath.Dir(source)
	}
	return source // a directory will do for a socket
}
