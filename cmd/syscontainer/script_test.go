package main

import (
	"context"
	"os"
	"strings"
	"testing"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/syscontainer/syscontainer/tests/golden"
	"github.com/syscontainer/syscontainer/tests/ociimage"
)

// TestMain lets the scripts run this very program as "syscontainer".
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"syscontainer": func() {
			os.Exit(run(context.Background(), os.Args, os.Stdout, os.Stderr))
		},
	})
}

// TestScripts checks what the command line says and how it exits: $WORK is an
// empty host. What it does on a host that runs is tested in tests/.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: golden.Update(),
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits,
			"image": writeImage,
		},
	})
}

// TestAResultThatCannotBeWrittenIsAnError writes to a device that is always full.
func TestAResultThatCannotBeWrittenIsAnError(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	var stderr strings.Builder
	code := run(t.Context(), []string{"syscontainer", "--root", t.TempDir(), "list"}, full, &stderr)
	if code != exitFailed || !strings.Contains(stderr.String(), "writing the result: ") {
		t.Errorf("exit status %d, and it says %q", code, stderr.String())
	}
}

// exits runs syscontainer and checks its exit status: exits 2 install …
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: exits STATUS [ARGUMENT...]")
	}
	err := ts.Exec("syscontainer", args[1:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("exit status %s, want %s", got, args[0])
	}
}

// writeImage makes an OCI layout with an image for a host: image DIR VERSION.
func writeImage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: image DIR VERSION")
	}
	files := ociimage.Files{
		"bin/app": "app",
		"exports/config.json.template": `{
  "ociVersion": "1.0.2",
  "process": {"args": ["/bin/app", "` + args[1] + `"], "cwd": "/", "user": {"uid": 0, "gid": 0}},
  "root": {"path": "rootfs", "readonly": true},
  "mounts": [{"destination": "/data", "type": "bind", "source": "/var/lib/$NAME/data", "options": ["rbind", "rw"]}],
  "linux": {"namespaces": [{"type": "mount"}]}
}`,
		"exports/service.template":    "[Unit]\nDescription=version " + args[1] + "\n[Service]\nExecStart=$EXEC_START\n[Install]\nWantedBy=multi-user.target\n",
		"exports/manifest.json":       `{"installedFilesTemplate": ["/etc/app.conf"]}`,
		"exports/hostfs/etc/app.conf": "colour=$COLOUR version=" + args[1] + "\n",
		"exports/hostfs/etc/app." + map[bool]string{true: "old", false: "new"}[args[1] == "one"]: "file\n",
	}
	ts.Check(os.RemoveAll(args[0]))
	ts.Check(ociimage.Write(args[0], imgspec.ImageConfig{Cmd: []string{"/bin/app"}}, files))
}
