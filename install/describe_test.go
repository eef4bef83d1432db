package install_test

import (
	"os"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/drift"
)

func TestShowTellsDeploymentsAndDrift(t *testing.T) {
	s := verified(t, func(*scene) error { return nil })
	if _, err := s.Update(t.Context(), "db", install.UpdateRequest{Changes: deployment.Changes{Values: map[string]string{"PORT": "1"}}}); err != nil {
		t.Fatal(err)
	}
	s.write("etc/db/db.conf", "port=2\n", 0o640)
	if err := os.Remove(on(s, "etc/tmpfiles.d/db.conf")); err != nil {
		t.Fatal(err)
	}
	d, err := s.Show(t.Context(), "db")
	if err != nil || len(d.Deployments) != 2 {
		t.Fatalf("%+v, %v", d, err)
	}
	if first, second := d.Deployments[0], d.Deployments[1]; first.Number != 1 || !first.Rollback || first.Current || !second.Current || second.Rollback ||
		first.Digest == "" || first.Created.IsZero() {
		t.Errorf("deployments %+v", d.Deployments)
	}
	states := map[string]install.FileDetails{}
	for _, f := range d.Files {
		states[f.Path] = f
	}
	if f := states["/etc/db/db.conf"]; f.State != "changed" || len(f.Differences) != 1 || f.Differences[0].Aspect != drift.Content {
		t.Errorf("the configuration: %+v", f)
	}
	if f := states["/etc/tmpfiles.d/db.conf"]; f.State != "missing" {
		t.Errorf("the tmpfiles.d file: %+v", f)
	}
}

func TestShowOfABrokenContainer(t *testing.T) {
	for name, damage := range damages {
		if !strings.HasPrefix(damage.want, "error: ") || name == "a change under way" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			s := verified(t, damage.harm)
			d, err := s.Show(t.Context(), "db")
			if err == nil || d == nil || d.Name != "db" || d.Error == "" || name != "what is current is gone" && len(d.Deployments) != 1 {
				t.Errorf("%+v, %v", d, err)
			}
		})
	}
}
