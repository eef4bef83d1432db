package install_test

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hint"
)

// unitImage is an image whose service has these lines in its section Unit.
func unitImage(lines string) fstest.MapFS {
	return fstest.MapFS{
		"bin/x":                        file("elf", 0o755),
		"exports/config.json.template": file(configTemplate, 0o644),
		"exports/service.template":     file("[Unit]\n"+lines+"\n[Service]\nType=notify\nExecStart=$EXEC_START\n[Install]\nWantedBy=multi-user.target\n", 0o644),
		"exports/manifest.json":        file(`{"defaultValues": {"PORT": 1}}`, 0o644),
	}
}

// systemUnits are those of a host that orders matter to.
func systemUnits(s *scene) {
	for name, text := range map[string]string{
		"sysinit.target":          "[Unit]\n",
		"early.service":           "[Unit]\nDefaultDependencies=no\nBefore=sysinit.target\n[Service]\nExecStart=/x\n",
		"docker.service":          "[Unit]\nAfter=flannel.service\n[Service]\nExecStart=/x\n",
		"multi-user.target":       "[Unit]\n",
		"after-multi-user.target": "[Unit]\nAfter=multi-user.target\n",
	} {
		s.write("usr/lib/systemd/system/"+name, text, 0o644)
	}
}

func TestOrdersThatAreRefused(t *testing.T) {
	const advice = "leave out what --after or --before said of it"
	const file = "one of these files has to change"
	for name, tc := range map[string]struct {
		image     fstest.MapFS
		relations deployment.Relations
		want      []string
		hint      string
	}{
		"by the user": {
			unitImage("After=etcd.service"), deployment.Relations{After: []string{"docker.service"}}, []string{
				"installing flannel: no order of the host's units would be left in which all of them can start:\n",
				"docker.service waits for flannel.service: After= in /usr/lib/systemd/system/docker.service",
				"flannel.service waits for docker.service: After= in /etc/systemd/system/flannel.service.d/10-syscontainer.conf",
			}, advice,
		},
		"by the user alone": {
			unitImage(""), deployment.Relations{After: []string{"etcd.service"}, Before: []string{"etcd.service"}}, []string{
				"etcd.service waits for flannel.service: Before= in /etc/systemd/system/flannel.service.d/10-syscontainer.conf",
			}, advice,
		},
		"with what systemd adds": {
			unitImage(""), deployment.Relations{Before: []string{"early.service"}}, []string{
				"flannel.service waits for sysinit.target: default of a service",
				"early.service waits for flannel.service: Before= in /etc/systemd/system/flannel.service.d/10-syscontainer.conf",
			}, advice,
		},
		"by the image": {
			unitImage("Before=etcd.service\nAfter=etcd.service"), deployment.Relations{}, []string{
				"etcd.service waits for flannel.service: Before= in /etc/systemd/system/flannel.service",
			}, file,
		},
		"against a container": {
			unitImage("Before=etcd.service"), deployment.Relations{}, []string{
				"flannel.service waits for etcd.service: Before= in /etc/systemd/system/etcd.service",
				"etcd.service waits for flannel.service: Before= in /etc/systemd/system/flannel.service",
			}, file,
		},
		"by a unit beside the service": {
			with(unitImage(""), fstest.MapFS{"exports/units/flannel-config.service": textFile("[Unit]\nAfter=flannel.service\nBefore=etcd.service\n[Service]\nExecStart=/x\n")}),
			deployment.Relations{After: []string{"etcd.service"}}, []string{"flannel-config.service waits for flannel.service: After= in /etc/systemd/system/flannel-config.service"}, file,
		},
		"by being enabled": {
			unitImage("After=after-multi-user.target"), deployment.Relations{}, []string{
				"multi-user.target waits for flannel.service: a target comes after what it pulls in: Wants= in /etc/systemd/system/multi-user.target.wants/flannel.service",
			}, file,
		},
		"by a file for another unit": {
			with(unitImage(""), fstest.MapFS{"exports/hostfs/etc/systemd/system/docker.service.d/x.conf": textFile("[Unit]\nBefore=early.service\n")}),
			deployment.Relations{}, []string{"early.service waits for docker.service: Before= in /etc/systemd/system/docker.service.d/x.conf"}, file,
		},
		"what cannot be up together": {
			unitImage("Requires=docker.service\nConflicts=docker.service"), deployment.Relations{}, []string{
				"flannel.service needs docker.service (Requires= in /etc/systemd/system/flannel.service) and cannot be up with it (Conflicts= in /etc/systemd/system/flannel.service)",
			}, "",
		},
	} {
		s := newScene(t)
		systemUnits(s)
		s.images.images["etcd"] = unitImage("Before=flannel.service")
		s.images.images["flannel"] = tc.image
		s.install(deployment.Request{Image: "etcd"})
		before, enabled := s.tree(), maps.Clone(s.services.enabled)
		_, err := s.Install(t.Context(), deployment.Request{Image: "flannel", Relations: tc.relations})
		if err == nil {
			t.Errorf("%s: installed", name)
			continue
		}
		for _, want := range tc.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: no %q in\n%v", name, want, err)
			}
		}
		var advised *hint.Error
		if errors.As(err, &advised) && !strings.Contains(advised.Text, tc.hint) || tc.hint != "" && advised == nil {
			t.Errorf("%s: the hint is %v", name, advised)
		}
		if s.tree() != before || !maps.Equal(s.services.enabled, enabled) {
			t.Errorf("%s: the refusal left something", name)
		}
	}
}

func textFile(text string) *fstest.MapFile { return file(text, 0o644) }

// Whatever is wrong with the units of others, it keeps no container from being installed.
func TestUnitsOfOthersRefuseNothing(t *testing.T) {
	s := newScene(t)
	systemUnits(s)
	s.write("etc/systemd/system/a.service", "[Unit]\nAfter=b.service\nnonsense\n", 0o644)
	s.write("etc/systemd/system/b.service", "[Unit]\nAfter=a.service\n", 0o644)
	s.link("etc/systemd/system/loop.service", "loop.service")
	s.images.images["etcd"] = unitImage("After=b.service")
	result := s.install(deployment.Request{Image: "etcd"})
	const want = `left out of the order of units: /etc/systemd/system/a.service:3: the line has no "="`
	if got := strings.Join(result.Warnings, "\n"); got != want {
		t.Errorf("got the warnings %s", got)
	}
}

// A container comes back with what it requires, in whatever order they are installed.
func TestContainersComeBackWithWhatTheyRequire(t *testing.T) {
	const comeback = "etc/systemd/system/etcd.service.d/20-syscontainer-flannel.conf"
	for _, names := range [][]string{{"etcd", "flannel"}, {"flannel", "etcd"}} {
		for _, gone := range [][]string{{"etcd", "flannel"}, {"flannel", "etcd"}} {
			s := newScene(t)
			s.images.images["etcd"] = unitImage("Before=flannel.service")
			s.images.images["flannel"] = unitImage("After=etcd.service\nRequires=etcd.service")
			before := s.tree()
			for _, name := range names {
				s.install(deployment.Request{Image: name, Relations: deployment.Relations{Requires: []string{"network.target"}}})
			}
			if text := s.read(comeback); !strings.Contains(text, "--bring-back flannel.service") {
				t.Errorf("the drop-in is\n%s", text)
			}
			for _, name := range gone {
				if _, err := s.Uninstall(t.Context(), name, install.UninstallRequest{}); err != nil {
					t.Fatal(err)
				}
			}
			if after := s.tree(); after != before {
				t.Errorf("%v installed and %v uninstalled: left behind\n%s", names, gone, after)
			}
		}
	}
}

func TestWantedByWhatItRequiresIsAWarning(t *testing.T) {
	s := newScene(t)
	s.images.images["etcd"] = unitImage("")
	s.images.images["flannel"] = with(unitImage(""), fstest.MapFS{
		"exports/service.template": textFile("[Unit]\nRequires=etcd.service\n[Service]\nExecStart=$EXEC_START\n[Install]\nWantedBy=etcd.service\n"),
	})
	s.install(deployment.Request{Image: "etcd"})
	result := s.install(deployment.Request{Image: "flannel"})
	const want = "etcd.service starts flannel.service (Wants= in /etc/systemd/system/etcd.service.wants/flannel.service), which requires it " +
		"(Requires= in /etc/systemd/system/flannel.service): "
	if len(result.Warnings) != 1 || !strings.HasPrefix(result.Warnings[0], want) {
		t.Errorf("got the warnings %q", result.Warnings)
	}
}

func TestNothingComesBackThatIsNotEnabled(t *testing.T) {
	s := newScene(t)
	s.images.images["flannel"] = with(unitImage(""), fstest.MapFS{
		"exports/service.template": textFile("[Unit]\nRequires=etcd.service\n[Service]\nExecStart=$EXEC_START\n"),
	})
	s.install(deployment.Request{Image: "flannel"})
	if tree := s.tree(); strings.Contains(tree, "etcd.service.d") {
		t.Errorf("got\n%s", tree)
	}
}
