package install_test

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
)

func TestStartOrderHasDependenciesFirst(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = unitImage("")
	s.images.images["net"] = unitImage("After=zdb.service")
	s.images.images["files"] = filesOnly("files")
	s.images.images["app"] = unitImage("Requires=net.service\nAfter=net.service")
	for name, image := range map[string]string{"app": "app", "net": "net", "zdb": "db", "files": "files"} {
		s.install(deployment.Request{Image: image, Name: name})
	}
	s.mkdir("var/lib/syscontainer/containers/broken")
	names, err := s.StartOrder(t.Context())
	if want := []string{"zdb", "net", "app", "broken", "files"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("got %q, %v", names, err)
	}
}

func TestStartOrderWithoutContainers(t *testing.T) {
	if names, err := newScene(t).StartOrder(t.Context()); err != nil || len(names) > 0 {
		t.Errorf("got %q, %v", names, err)
	}
}

// TestTheOrderOfUnitsIsReadForWhatChanges: it takes longer than all else that an update
// does where there is nothing new.
func TestTheOrderOfUnitsIsReadForWhatChanges(t *testing.T) {
	s := updatable(t, nil)
	s.mkdir("etc/systemd/system/odd.service")
	var log bytes.Buffer
	s.Log = slog.New(slog.NewTextHandler(&log, nil))
	for _, times := range []int{1, 0} {
		log.Reset()
		s.update(install.UpdateRequest{})
		if got := strings.Count(log.String(), "odd.service: not a regular file"); got != times {
			t.Errorf("the units were read %d times:\n%s", got, log.String())
		}
	}
}
