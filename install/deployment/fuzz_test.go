package deployment

import (
	"bytes"
	"path"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/syscontainer/syscontainer/runcspec"
	"github.com/syscontainer/syscontainer/unitgen"
)

const seedConfig = `{"ociVersion": "1.0.0", "process": {"args": ["/bin/x", "$V"], "cwd": "/"}, "root": {"path": "rootfs", "readonly": true},
	"mounts": [{"destination": "/data", "type": "bind", "source": "$STATE_DIRECTORY/$NAME"} $MORE], "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}]}}`

// FuzzCompile shows that no image and no value makes a plan that reaches where images must
// not, and that equal inputs have equal plans.
func FuzzCompile(f *testing.F) {
	f.Add(`{"defaultValues": {"V": 1, "MORE": ""}, "renameFiles": {"/etc/x": "/etc/$NAME"}, "installedFilesTemplate": ["/etc/$NAME/conf"]}`,
		"[Service]\nType=notify\nExecStart=$EXEC_START\n[Install]\nWantedBy=multi-user.target\n", seedConfig, "d $STATE_DIRECTORY/$NAME\n",
		"[Socket]\nListenStream=/run/$NAME\n", "x=$V\n", "/x/conf")
	f.Add(`{"noContainerService": true, "useLinks": false}`, "", "", "", "", "$", "/../var/lib/syscontainer/x")
	f.Add(`{"values": {"V": {"secret": true}}, "healthCheck": {"exec": ["$V"]}}`, "[Service]\nType=oneshot\nExecStart=$EXEC_START\nAlso=x\n", "{}", "", "[Timer]\n", "", "/x")
	f.Add("", "[Service]\nExecStart=/bin/x", "", "x", "[Install]\nAlias=sshd.socket\n", "$$", "//x/./y")
	f.Fuzz(func(t *testing.T, manifest, service, config, tmpfiles, unit, content, value string) {
		image := sampleImage("x")
		image.Config.Config.Entrypoint = []string{"/bin/x"}
		in := Input{
			Name: "x", Image: image, Facts: sampleFacts(), Request: Request{Image: "x", Values: map[string]string{"V": value}},
			Files: exported(map[string]string{
				"manifest.json": manifest, "service.template": service, "config.json.template": config, "tmpfiles.template": tmpfiles,
				"units/${NAME}.socket.template": unit, "hostfs/etc/x/conf": content, "hostfs/usr/bin/y": content,
			}),
		}
		plan, err := Compile(in)
		if again, againErr := Compile(in); !reflect.DeepEqual(plan, again) || (err == nil) != (againErr == nil) {
			t.Errorf("another plan: %v\n%v", err, againErr)
		}
		if err != nil {
			if plan != nil {
				t.Errorf("a plan in spite of %v", err)
			}
			return
		}
		checkPlan(t, plan)
	})
}

// exported are the files of an image whose exports are these; those without content are
// not there.
func exported(files map[string]string) fstest.MapFS {
	all := fstest.MapFS{"bin/x": {Mode: 0o755}}
	for name, text := range files {
		if text != "" {
			all[path.Join("exports", name)] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
		}
	}
	return all
}

// checkPlan tests what holds of every plan.
func checkPlan(t *testing.T, plan *Plan) {
	t.Helper()
	for _, f := range plan.To.Files {
		if !path.IsAbs(f.Path) || path.Clean(f.Path) != f.Path || strings.HasPrefix(f.Path+"/", "/var/lib/syscontainer/") {
			t.Errorf("an entry at %q", f.Path)
		}
	}
	for _, f := range plan.Rendered {
		switch {
		case path.IsAbs(f.Path) || path.Clean(f.Path) != f.Path || strings.HasPrefix(f.Path, ".."):
			t.Errorf("a file of the deployment at %q", f.Path)
		case f.Path == ConfigFile:
			spec, err := runcspec.Parse(f.Path, f.Data)
			if err == nil {
				err = runcspec.Check(spec)
			}
			if err != nil {
				t.Errorf("config.json: %v", err)
			}
		case strings.HasSuffix(f.Path, ".service"), strings.HasSuffix(f.Path, ".socket"), f.Path == DropInFile:
			if _, err := unitgen.ParseUnit(f.Path, f.Data); err != nil {
				t.Errorf("a unit: %v", err)
			}
		}
	}
	checkRecord(t, plan.To)
}

// checkRecord tests that a record is what it was when it has been stored.
func checkRecord(t *testing.T, r *Record) {
	t.Helper()
	data, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	stored, err := DecodeRecord(data)
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	if again, err := stored.Encode(); err != nil || !bytes.Equal(data, again) || !stored.Equals(r) {
		t.Errorf("stored as\n%s\nand read as\n%s", data, again)
	}
	if head, err := DecodeHead(data); err != nil || head != r.Head {
		t.Errorf("the head is read as %+v, %v; it is %+v", head, err, r.Head)
	}
}

// FuzzDecodeRecord shows that a record that can be read can be worked with and is stored
// as it is.
func FuzzDecodeRecord(f *testing.F) {
	f.Add([]byte(`{"version": 1, "name": "x", "deployment": 1, "unit": "x.service", "units": [{"name": "x.socket", "install": true}],
		"files": [{"path": "/etc/x", "kind": "file", "mode": "0644"}], "health_check": {"exec": ["x"], "interval": "1s"}}`))
	f.Add([]byte(`{"version": 1, "name": "x", "deployment": 99999999999999999999}`))
	f.Add([]byte(`{"version": 1, "name": "x", "deployment": 1, "image": {"commit": "x"}, "created": [}`))
	f.Add([]byte(`{"version": 1, "name": "x", "deployment": 1, "files": [null, {"mode": "7"}], "values": null, "created": "x"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := DecodeRecord(data)
		if err != nil {
			DecodeHead(data) // of what is not read further
			return
		}
		checkRecord(t, r)
		r.Startable()
		r.FilesByPath()
		if _, err := r.Next(Changes{Unset: []string{"V"}}, nil); err == nil && r.Values["V"] == "" {
			if _, set := r.Values["V"]; !set {
				t.Error("what is not set was unset")
			}
		}
	})
}

// FuzzDefaultName shows that a container is named after any reference, or not at all.
func FuzzDefaultName(f *testing.F) {
	for _, seed := range []string{
		"etcd", "localhost:5000/etcd:3.6@sha256:00", "oci:/srv/x:latest", "docker-archive:x.tar:r/x:2", "dir:/", "oci:::::", "@", "docker://", ":", "a/../b:..",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, reference string) {
		DefaultName(reference)
		if name, err := (Request{Image: reference}).ContainerName(); err == nil && unitgen.CheckName(name) != nil {
			t.Errorf("the name %q", name)
		}
	})
}
