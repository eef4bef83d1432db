package sysd

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// both is what install uses of either.
type both interface {
	Close()
	Reload(ctx context.Context) error
	Enable(ctx context.Context, units []string) error
	Disable(ctx context.Context, units []string) error
	Tmpfiles(ctx context.Context, file string) error
	Start(ctx context.Context, unit string) error
	Stop(ctx context.Context, unit string) error
	Restart(ctx context.Context, unit string) error
	Status(ctx context.Context, unit string) (Status, error)
	Journal(ctx context.Context, unit string, lines int) []string
}

var (
	_ both = (*Manager)(nil)
	_ both = (*Offline)(nil)
)

// recorder is a Runner that notes the commands and answers err.
type recorder struct {
	commands []string
	err      error
}

func (r *recorder) run(_ context.Context, c Command) ([]byte, error) {
	r.commands = append(r.commands, strings.Join(c.Args, " "))
	return nil, r.err
}

// tree makes files and links below a directory. "a -> b" is a link.
func tree(t *testing.T, entries ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, entry := range entries {
		name, target, isLink := strings.Cut(entry, " -> ")
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if isLink {
			err = os.Symlink(target, file)
		} else {
			err = os.WriteFile(file, nil, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// listing is the opposite of tree.
func listing(t *testing.T, root string) []string {
	t.Helper()
	var entries []string
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, file)
		switch {
		case entry.Type() == fs.ModeSymlink:
			target, _ := os.Readlink(file)
			entries = append(entries, name+" -> "+target)
		case !entry.IsDir() || isDependencyDir(name):
			entries = append(entries, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestOfflineEnable(t *testing.T) {
	var r recorder
	if err := NewOffline("/mnt/x", r.run).Enable(t.Context(), []string{"a.service"}); err != nil {
		t.Fatal(err)
	}
	if err := NewOffline("", r.run).Enable(t.Context(), []string{"a.service"}); err != nil {
		t.Fatal(err)
	}
	if err := NewOffline("", r.run).Enable(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	want := []string{"systemctl --root=/mnt/x --quiet enable -- a.service", "systemctl --root=/ --quiet enable -- a.service"}
	if !slices.Equal(r.commands, want) {
		t.Errorf("got %q", r.commands)
	}
}

func TestOfflineDisable(t *testing.T) {
	const dir = "etc/systemd/system/"
	root := tree(t,
		dir+"here.service",
		dir+"multi-user.target.wants/here.service -> /etc/systemd/system/here.service",
		dir+"multi-user.target.wants/gone.service -> /etc/systemd/system/gone.service",
		dir+"multi-user.target.wants/kept.service -> /usr/lib/systemd/system/kept.service",
		dir+"docker.service.requires/gone.service -> ../gone.service",
		dir+"docker.service.upholds/other-name.service -> ../gone.service",
		dir+"docker.service.d/gone.service -> /x/gone.service",
		dir+"alias.service -> /etc/systemd/system/gone.service",
		dir+"kept.service -> /usr/lib/systemd/system/kept.service",
		dir+"masked.service -> /dev/null",
	)
	var r recorder
	o := NewOffline(root, r.run)
	units := []string{"here.service", "gone.service"}
	for range 2 { // twice: it is idempotent
		if err := o.Disable(t.Context(), units); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		dir + "docker.service.d/gone.service -> /x/gone.service",
		dir + "here.service",
		dir + "kept.service -> /usr/lib/systemd/system/kept.service",
		dir + "masked.service -> /dev/null",
		dir[:len(dir)-1] + "/multi-user.target.wants",
		dir + "multi-user.target.wants/kept.service -> /usr/lib/systemd/system/kept.service",
	}
	if got := listing(t, root); !slices.Equal(got, want) {
		t.Errorf("left:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	call := "systemctl --root=" + root + " --quiet disable -- here.service"
	if !slices.Equal(r.commands, []string{call, call}) {
		t.Errorf("ran %q", r.commands)
	}
}

func TestEnabledByLinks(t *testing.T) {
	const dir = "etc/systemd/system/"
	root := tree(t,
		dir+"wanted.service", dir+"multi-user.target.wants/wanted.service -> ../wanted.service",
		dir+"required.service", dir+"x.service.requires/required.service -> /etc/systemd/system/required.service",
		dir+"upheld.service", dir+"x.service.upholds/upheld.service -> ../upheld.service",
		dir+"disabled.service", dir+"x.service.d/disabled.service -> ../disabled.service",
		dir+"copied.service", dir+"x.service.wants/copied.service",
		dir+"masked.service -> /dev/null", dir+"x.service.requires/masked.service -> ../masked.service",
		dir+"x.service.wants/nothing.service -> ../nothing.service")
	want := map[string]bool{"wanted.service": true, "required.service": true}
	if got := enabledByLinks(root); !maps.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if got := enabledByLinks(t.TempDir()); len(got) > 0 {
		t.Errorf("got %v of an empty tree", got)
	}
}

func TestDisableStaysInTheTree(t *testing.T) {
	outside := tree(t, "system/x.target.wants/a.service -> /etc/systemd/system/a.service")
	root := tree(t, "etc/systemd -> "+outside)
	var r recorder
	if err := NewOffline(root, r.run).Disable(t.Context(), []string{"a.service"}); err != nil {
		t.Fatal(err)
	}
	if got := listing(t, outside); len(got) != 2 {
		t.Errorf("outside of the tree: %q", got)
	}
}

func TestDisableInAnEmptyTree(t *testing.T) {
	var r recorder
	if err := NewOffline(t.TempDir(), r.run).Disable(t.Context(), []string{"a.service"}); err != nil || r.commands != nil {
		t.Errorf("ran %q, %v", r.commands, err)
	}
}

func TestOfflineTmpfiles(t *testing.T) {
	var r recorder
	if err := NewOffline("/mnt/x", r.run).Tmpfiles(t.Context(), "/etc/tmpfiles.d/etcd.conf"); err != nil {
		t.Fatal(err)
	}
	if len(r.commands) != 1 || !strings.Contains(r.commands[0], "--root=/mnt/x ") {
		t.Errorf("ran %q", r.commands)
	}
}

// exitCode is how a program ended.
type exitCode int

func (e exitCode) Error() string { return "ended" }
func (e exitCode) ExitCode() int { return int(e) }

func TestOfflineTmpfilesLeavesTheRestToTheBoot(t *testing.T) {
	for status, fails := range map[exitCode]bool{73: false, 65: true, 1: true} {
		r := recorder{err: &CommandError{Err: status}}
		if err := NewOffline("/mnt/x", r.run).Tmpfiles(t.Context(), "x.conf"); (err != nil) != fails {
			t.Errorf("status %d: %v", status, err)
		}
		if err := NewOffline("/", r.run).Tmpfiles(t.Context(), "x.conf"); err == nil {
			t.Errorf("status %d in a chroot: no error", status)
		}
	}
}

func TestOfflineErrorsSayWhatWasDone(t *testing.T) {
	r := recorder{err: errors.New("broken")}
	o := NewOffline(tree(t, "etc/systemd/system/a.service"), r.run)
	units := []string{"a.service"}
	for want, err := range map[string]error{
		"enabling a.service: broken":  o.Enable(t.Context(), units),
		"disabling a.service: broken": o.Disable(t.Context(), units),
		"applying a.conf: broken":     o.Tmpfiles(t.Context(), "a.conf"),
	} {
		if !errors.Is(err, r.err) || err.Error() != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestNothingRunsOffline(t *testing.T) {
	var r recorder
	o := NewOffline("/mnt/x", r.run)
	defer o.Close()
	_, status := o.Status(t.Context(), "a.service")
	for _, err := range []error{o.Start(t.Context(), "a.service"), o.Restart(t.Context(), "a.service"), status} {
		if !errors.Is(err, ErrNotRunning) {
			t.Errorf("got %v", err)
		}
	}
	if err := errors.Join(o.Reload(t.Context()), o.Stop(t.Context(), "a.service")); err != nil {
		t.Error(err)
	}
	if lines := o.Journal(t.Context(), "a.service", 5); lines != nil || r.commands != nil {
		t.Errorf("got %q, ran %q", lines, r.commands)
	}
}

func TestOfflineNeverFollowsALinkOutOfTheRoot(t *testing.T) {
	const system = "etc/systemd/system/"
	for name, entry := range map[string]string{
		"wants":          system + "multi-user.target.wants -> /out",
		"requires":       system + "x.target.requires -> ../../../../../../../../../../../out",
		"all of systemd": "etc/systemd -> /out",
	} {
		t.Run(name, func(t *testing.T) {
			var r recorder
			offline := NewOffline(tree(t, "usr/lib/systemd/system/a.service", entry), r.run)
			err := offline.Enable(t.Context(), []string{"a.service"})
			if err == nil || !strings.Contains(err.Error(), "leads out of it, to /out") {
				t.Errorf("enabled with %v", err)
			}
			// Going back must get through.
			if err := offline.Disable(t.Context(), []string{"a.service"}); err != nil {
				t.Errorf("disabled with %v", err)
			}
			if len(r.commands) > 0 {
				t.Errorf("ran %q", r.commands)
			}
		})
	}
}

func TestOfflineFollowsALinkWithinTheRoot(t *testing.T) {
	var r recorder
	root := tree(t, "etc/systemd/system/multi-user.target.wants -> other.wants", "etc/systemd/system/other.wants/a.service")
	if err := NewOffline(root, r.run).Enable(t.Context(), []string{"a.service"}); err != nil || len(r.commands) != 1 {
		t.Errorf("got %v, and ran %q", err, r.commands)
	}
}
