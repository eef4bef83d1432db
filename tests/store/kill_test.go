package store_test

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syscontainer/syscontainer/tests/badregistry"
	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

// TestKilledPulls kills pulls at random moments, the next one in the repo that the last one left.
func TestKilledPulls(t *testing.T) {
	kills := 10
	if hosttest.Long() {
		kills = 100
	}
	images := t.TempDir()
	files := makeImage(t, images, 1, 6)
	m := newMachine(t, images)
	ref := "docker://" + m.Host + "/etcd"
	var whole time.Duration
	for range 2 { // the second one finds programs and images in memory, as those to kill will
		begin := time.Now()
		m.must("pull", ref)
		whole = time.Since(begin)
		m.sound(files)
		m.must("rm", ref)
	}

	killed, completed := 0, 0
	for range kills {
		p := m.start("pull", ref)
		delay := time.Duration(rand.Int64N(int64(whole + whole/10)))
		time.Sleep(delay)
		if err := p.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := p.Wait(); err == nil {
			completed++
		} else {
			killed++
		}
		t.Logf("killed after %v of %v; refs: %q", delay.Round(time.Millisecond), whole.Round(time.Millisecond), refs(t, m.repo))
		m.sound(files)
		if rand.IntN(3) == 0 {
			have := strings.Count(refs(t, m.repo), "blob")
			m.Reset(badregistry.None)
			m.must("pull", ref)
			if m.Asked() != 6-have {
				t.Errorf("%d layers were asked for, where %d of 6 were there", m.Asked(), have)
			}
			m.sound(files)
			m.noLeftovers()
		}
		if _, err := storeAt(m.root).Find(t.Context(), ref); err == nil {
			m.must("rm", ref)
		}
	}
	m.must("pull", ref)
	m.sound(files)
	m.noLeftovers()
	t.Logf("%d pulls were killed, %d had ended", killed, completed)
	if killed == 0 {
		t.Error("no pull was killed in time")
	}
}

// refs are the kinds of refs that there are.
func refs(t *testing.T, repo string) string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(repo, "objects")); err != nil {
		return "no repo"
	}
	out, err := exec.CommandContext(t.Context(), "ostree", "refs", "--repo="+repo).Output()
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, ref := range strings.Fields(string(out)) {
		kind, _, _ := strings.Cut(ref, "/")
		kinds = append(kinds, kind)
	}
	return strings.Join(kinds, " ")
}

// TestLayersAreFetchedOnce: an image that shares layers with one that is here costs what is new of it.
func TestLayersAreFetchedOnce(t *testing.T) {
	images := t.TempDir()
	makeImage(t, filepath.Join(images, "base"), 2, 3)
	makeImage(t, filepath.Join(images, "more"), 2, 4) // the same three, and one more
	m := newMachine(t, filepath.Join(images, "base"))
	m.must("pull", "docker://"+m.Host+"/base")
	if m.Asked() != 3 {
		t.Fatalf("%d layers were asked for", m.Asked())
	}
	more := machineAt(t, t.TempDir(), filepath.Join(images, "more"))
	more.root, more.repo = m.root, m.repo
	more.write("etc/containers/registries.conf.d/more.conf", "[[registry]]\nlocation = \""+more.Host+"\"\ninsecure = true\n")
	more.must("pull", "docker://"+more.Host+"/more")
	if more.Asked() != 1 {
		t.Errorf("%d layers were asked for, with %d bytes; one is new", more.Asked(), more.Sent())
	}
	m.sound(nil)
}
