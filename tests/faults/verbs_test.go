package faults_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/tests/inject"
)

// verb is a command that changes a host from before to after.
type verb struct {
	name  string
	begin []step   // makes the host that it finds
	args  []string // the command
	undo  []string // what can be done afterwards; nil when there is nothing
	// onward says that the command removes what cannot be made again: once it has begun it is finished, never undone.
	onward bool
	// part says which part of the host a path belongs to, for a command that does one thing after the other: each part
	// is as before or as after. nil: there is one.
	part func(path string) string
	// unsound says that the repo lacks something until the command has ended well.
	unsound bool
	// killed makes of the host one on which another command was killed. before is then what that one found.
	killed step
}

// step prepares a host.
type step func(t *testing.T, h host, i images)

func run(args ...string) step {
	return func(_ *testing.T, h host, _ images) { h.must(args...) }
}

// serve has the registry serve another version from now on.
func serve(version string) step {
	return func(t *testing.T, _ host, i images) { i.serve(t, version) }
}

// kill kills a command so many calls before its end.
func kill(left int, args ...string) step {
	return func(t *testing.T, h host, _ images) {
		calls := h.copyTo(t, h.root+".counted").under(inject.Fault{}, args...).Calls
		if r := h.under(inject.Fault{Nth: calls - left}, args...); r.Hit == "" {
			t.Errorf("it was not killed: %s", r.stderr)
		}
	}
}

// tamper does to an installed container what files suffer over the years.
func tamper(t *testing.T, h host, _ images) {
	deployment := stateDir + "/containers/app/deploy/1/"
	for _, gone := range []string{"usr/local/bin/appctl", "etc/tmpfiles.d/app.conf", deployment + "tmpfiles.conf", deployment + "rootfs/usr/share/app/data"} {
		if err := os.Remove(filepath.Join(h.root, gone)); err != nil {
			t.Fatal(err)
		}
	}
	h.write(deployment+"rootfs/usr/share/app/data", "other data")
	h.write("etc/systemd/system/app.service", "[Service]\n")
}

// lose takes the object of a file out of the repo; the deployment still has the file.
func lose(t *testing.T, h host, _ images) {
	kept, err := os.Stat(filepath.Join(h.root, stateDir, "containers/app/deploy/1/rootfs/usr/share/app/data"))
	if err != nil {
		t.Fatal(err)
	}
	objects, err := filepath.Glob(filepath.Join(h.root, repoDir, "objects/*/*.file"))
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		if info, err := os.Stat(object); err == nil && os.SameFile(info, kept) {
			if err := os.Remove(object); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("the repo has no such object")
}

// itself has each path be as before or as after.
func itself(path string) string { return path }

// container has that for each container: that called beside, and app.
func container(path string) string {
	if strings.Contains(path, "beside") {
		return "beside"
	}
	return "app"
}

const image = "docker://" + registryName + "/app"

var (
	install   = []string{"install", "--system", "--set", "GREETING=hi", image}
	uninstall = []string{"uninstall", "app"}
	update    = []string{"update", "app"}
	rollback  = []string{"rollback", "app"}
	beside    = run("install", "--system", "--name", "beside", image)
)

var verbs = []verb{
	{name: "pull", args: []string{"pull", image}},
	{name: "install", args: install, undo: uninstall},
	{name: "install beside another", begin: []step{beside}, args: append([]string{"install", "--name", "other"}, image), undo: []string{"uninstall", "other"}},
	{name: "update", begin: []step{run(install...), serve("v2")}, args: update, undo: rollback},
	{name: "update of a value", begin: []step{run(install...)}, args: append(update, "--set", "GREETING=ho"), undo: uninstall},
	{name: "third update", begin: []step{run(install...), serve("v2"), run(update...)}, args: append(update, "--set", "GREETING=ho"), undo: rollback},
	{name: "rollback", begin: []step{run(install...), serve("v2"), run(update...)}, args: rollback, undo: rollback},
	{name: "uninstall", begin: []step{run(install...)}, args: uninstall, undo: install, onward: true},
	{name: "uninstall of an update", begin: []step{run(install...), serve("v2"), run(update...)}, args: uninstall, undo: install, onward: true},
	{name: "uninstall with the data", begin: []step{run(install...)}, args: append(uninstall, "--purge"), undo: install, onward: true},
	{name: "update of all", begin: []step{run(install...), beside, serve("v2")}, args: []string{"update", "--all"}, undo: rollback, part: container},
	{name: "repair", begin: []step{run(install...), tamper}, args: []string{"verify", "--repair"}, undo: uninstall, part: itself},
	{name: "repair of the store", begin: []step{run(install...), lose}, args: []string{"verify", "--repair"}, undo: uninstall, part: itself, unsound: true},
	{name: "prune", begin: []step{run("pull", image)}, args: []string{"images", "prune", "--all"}, onward: true},
	{name: "recover an install", killed: kill(60, install...), args: []string{"recover"}, undo: uninstall},
	{name: "recover an update", begin: []step{run(install...), serve("v2")}, killed: kill(60, update...), args: []string{"recover"}, undo: uninstall},
	{name: "recover an uninstall", begin: []step{run(install...)}, killed: kill(60, uninstall...), args: []string{"recover"}, undo: install, onward: true},
}
