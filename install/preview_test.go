package install_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/tests/golden"
)

// TestRenderEtcd keeps what our own image becomes on a host.
func TestRenderEtcd(t *testing.T) {
	preview, err := deployment.RenderDirectory(os.DirFS("../images/etcd"), deployment.Request{Image: "etcd", Values: map[string]string{"ETCD_NAME": "node1"}})
	if err != nil {
		t.Fatal(err)
	}
	// Whoever checks the sources out decides about modes with a umask.
	for i := range preview.Files {
		preview.Files[i].Mode = 0
	}
	for i := range preview.HostFiles {
		preview.HostFiles[i].Mode = 0
	}
	got, err := json.MarshalIndent(preview, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/render-etcd.json", append(got, '\n'))
}

// TestEtcdRefusesWhatItCouldNotStartWith holds our own image to what every image can do.
func TestEtcdRefusesWhatItCouldNotStartWith(t *testing.T) {
	for value, sound := range map[string]bool{
		"ETCD_LOG_LEVEL=loud":                                                  false,
		"ETCD_LOG_LEVEL=warn":                                                  true,
		"ETCD_QUOTA_BACKEND_BYTES=8G":                                          false,
		"ETCD_CLIENT_CERT_AUTH=maybe":                                          false,
		"ETCD_LISTEN_CLIENT_URLS=0.0.0.0:2379":                                 false,
		"ETCD_LISTEN_CLIENT_URLS=https://0.0.0.0:2379,http://[::1]:2379":       true,
		"ETCD_INITIAL_CLUSTER=node1":                                           false,
		"ETCD_INITIAL_CLUSTER=node1=http://10.0.0.2:1,node2=http://10.0.0.3:1": true,
		"ETCD_AUTO_COMPACTION_RETENTION=a day":                                 false,
		"ETCD_AUTO_COMPACTION_RETENTION=1h30m":                                 true,
		"ETCD_LISTEN_METRICS_URLS=":                                            true,
	} {
		name, text, _ := strings.Cut(value, "=")
		_, err := deployment.RenderDirectory(os.DirFS("../images/etcd"), deployment.Request{Image: "etcd", Values: map[string]string{name: text}})
		if (err == nil) != sound {
			t.Errorf("%s: %v", value, err)
		}
	}
}

// TestRenderIsWhatInstallWrites compares with an installation, secrets apart.
func TestRenderIsWhatInstallWrites(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = dbWithUnits()
	s.install(deployment.Request{Image: "db", Name: "my-db"})
	preview, err := deployment.RenderDirectory(dbWithUnits(), deployment.Request{Image: "db", Name: "my-db"})
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, f := range preview.Files {
		if filepath.Base(f.Path) == "config.json" {
			continue // the sample host has more capabilities than the scene's
		}
		compared++
		if got := s.read(f.Path[1:]); got != f.Content {
			t.Errorf("%s: installed is\n%s\nand rendered\n%s", f.Path, got, f.Content)
		}
	}
	if compared < 6 {
		t.Errorf("only %d files were compared", compared)
	}
}

func TestRenderHasSamplesForWhatIsMissing(t *testing.T) {
	files := fstest.MapFS{
		"exports/service.template": file("[Service]\nExecStart=$EXEC_START\nEnvironment=A=$A U=$U E=$E\n", 0o644),
		"exports/manifest.json": file(`{"defaultValues":{"D":"d"},"values":{"U":{"type":"url","required":true},"E":{"enum":["x","y"]},`+
			`"S":{"secret":true,"required":true}}}`, 0o644),
	}
	preview, err := deployment.RenderDirectory(files, deployment.Request{Image: "x", Values: map[string]string{"E": "y"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []deployment.VariableValue{
		{Name: "A", Value: "1", From: deployment.SampleText},
		{Name: "D", Value: "d", From: deployment.Default},
		{Name: "E", Value: "y", From: deployment.User},
		{Name: "S", From: deployment.SampleText, Secret: true},
		{Name: "U", Value: "http://sample.example", From: deployment.SampleText},
	}
	got := slices.DeleteFunc(preview.Variables, func(v deployment.VariableValue) bool { return v.From == deployment.Forced })
	if !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	for _, f := range preview.Files {
		if strings.Contains(f.Path, "credentials") && f.Content != "" {
			t.Errorf("%s shows %q", f.Path, f.Content)
		}
	}
}

func TestRenderTellsAllThatIsWrongOnce(t *testing.T) {
	files := fstest.MapFS{
		"exports/service.template":     file("[Service]\nExecStart=$EXEC_START\nOops=$(x)\n", 0o644),
		"exports/tmpfiles.template":    file("d $STATE_DIRECTORY/x\nf ${X\n", 0o644),
		"exports/units/other.socket":   file("[Socket]\n", 0o644),
		"exports/manifest.json":        file(`{"values":{"P":{"pattern":"a+","required":true}}}`, 0o644),
		"exports/config.json.template": file(`{"a": $P}`, 0o644),
	}
	_, err := deployment.RenderDirectory(files, deployment.Request{Image: "x"})
	if err == nil {
		t.Fatal("it is rendered")
	}
	for _, want := range []string{
		`exports/service.template:3:6: "$(" is not`, `exports/tmpfiles.template:2:3: "${X\n" is not`, "planning /exports/units/other.socket", "no value for $P",
	} {
		if n := strings.Count(err.Error(), strings.ReplaceAll(want, "\n", `\n`)); n != 1 {
			t.Errorf("%v\nsays %q %d times", err, want, n)
		}
	}
}

func TestRenderNeedsExports(t *testing.T) {
	_, err := deployment.RenderDirectory(fstest.MapFS{"export/manifest.json": file("{}", 0o644)}, deployment.Request{Image: "x"})
	if !errors.Is(err, deployment.ErrNoExports) {
		t.Errorf("got %v", err)
	}
}
