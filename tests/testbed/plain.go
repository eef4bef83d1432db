package testbed

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/syscontainer/syscontainer/tests/host"
)

// plainFiles are what the images of Plain are made from.
//
//go:embed plain
var plainFiles embed.FS

// plainPackages is the Debian software in them, and what their scripts and tests call.
const plainPackages = "base-files,base-passwd,bash,coreutils,curl,dash,findutils,gosu,libc-bin," +
	"nginx-light,postgresql-15,postgresql-client-15,redis-server"

// PlainNames are the images of Plain.
func PlainNames() []string { return []string{"nginx", "postgres", "redis"} }

// Plain returns a layer that makes the host's own registry serve, beside our images, some that know nothing of us.
// They are the same whatever the suite of the machines. The first call takes about half a minute.
func (b *Bed) Plain(ctx context.Context) (string, error) {
	layouts, err := b.buildPlain(ctx)
	if err != nil {
		return "", err
	}
	images := map[string]host.Image{"etcd:latest": b.Image("etcd")}
	for _, name := range PlainNames() {
		images[name+":latest"] = host.Image{Layout: layouts, Tag: name}
	}
	return b.Lab.Registry(ctx, images)
}

// buildPlain returns the OCI layout with an image for each tag.
func (b *Bed) buildPlain(ctx context.Context) (string, error) {
	recipe := sha256.New()
	fmt.Fprintln(recipe, plainPackages)
	err := fs.WalkDir(plainFiles, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := plainFiles.ReadFile(name)
		fmt.Fprintln(recipe, name, len(data), string(data))
		return err
	})
	if err != nil {
		return "", err
	}
	return b.Lab.Build("plain", fmt.Sprintf("%.12x", recipe.Sum(nil)), func(dir string) error {
		work := dir + ".work"
		return firstError(
			func() error { return os.RemoveAll(work) },
			func() error { return os.MkdirAll(work, 0o755) },
			func() error { return fillContext(ctx, filepath.Join(work, "context")) },
			func() error { return buildPlainImages(ctx, work, dir) },
			func() error { return os.RemoveAll(work) },
		)
	})
}

// fillContext makes the context of the build: the files, and the tree of Debian's packages, unpacked and nothing else.
func fillContext(ctx context.Context, dir string) error {
	files, err := fs.Sub(plainFiles, "plain")
	if err != nil {
		return err
	}
	if err := os.CopyFS(dir, files); err != nil {
		return err
	}
	scripts, err := filepath.Glob(filepath.Join(dir, "*.sh"))
	if err != nil {
		return err
	}
	for _, script := range scripts {
		if err := os.Chmod(script, 0o755); err != nil {
			return err
		}
	}
	tree := filepath.Join(dir, "tree")
	err = command(ctx, "mmdebstrap", "--quiet", "--variant=extract", "--include="+plainPackages, string(host.Bookworm), tree)
	if err != nil {
		return err
	}
	return command(ctx, filepath.Join(dir, "hook.sh"), tree)
}

// buildPlainImages builds the images and puts them into the OCI layout dir. Nothing of the machine's own store is used.
func buildPlainImages(ctx context.Context, work, dir string) error {
	policy := filepath.Join(work, "policy.json")
	if err := os.WriteFile(policy, []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`), 0o644); err != nil {
		return err
	}
	buildah := func(args ...string) error {
		store := []string{"--storage-driver=overlay", "--root=" + filepath.Join(work, "store"), "--runroot=" + filepath.Join(work, "run")}
		return command(ctx, "buildah", append(store, args...)...)
	}
	for _, name := range PlainNames() {
		err := buildah("bud", "--quiet", "--layers", "--timestamp=0", "--format=oci", "--signature-policy="+policy,
			"--target="+name, "--tag="+name, filepath.Join(work, "context"))
		if err != nil {
			return err
		}
		err = buildah("push", "--quiet", "--disable-compression", "--signature-policy="+policy, name, "oci:"+dir+":"+name)
		if err != nil {
			return err
		}
	}
	return nil
}

func command(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

func firstError(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
