package store_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

// TestPullsTogether: eight pulls at once, of images that share all layers or some, in a repo that is not there yet.
func TestPullsTogether(t *testing.T) {
	for _, count := range []int{2, 8} {
		t.Run(fmt.Sprint(count), func(t *testing.T) {
			images := t.TempDir()
			files := makeImage(t, filepath.Join(images, "a"), 7, 3)
			makeImage(t, filepath.Join(images, "b"), 7, 4)
			a := newMachine(t, filepath.Join(images, "a"))
			b := newMachine(t, filepath.Join(images, "b"))
			a.write("etc/containers/registries.conf.d/b.conf", "[[registry]]\nlocation = \""+b.Host+"\"\ninsecure = true\n")
			var all []*process
			for i := range count {
				all = append(all, a.start("pull", fmt.Sprintf("docker://%s/etcd%d", []string{a.Host, b.Host}[i%2], i/2%3)))
			}
			for _, p := range all {
				if err := p.within(t, time.Minute); err != nil {
					t.Errorf("pull: %v\n%s", err, p.output.String())
				}
			}
			a.sound(files)
			a.noLeftovers()
		})
	}
}

// TestPullAndRemoveTogether: while images are pulled others are removed, and what they share stays.
func TestPullAndRemoveTogether(t *testing.T) {
	rounds := 3
	if hosttest.Long() {
		rounds = 30
	}
	images := t.TempDir()
	files := makeImage(t, images, 8, 3)
	m := newMachine(t, images)
	ref := func(name string) string { return "docker://" + m.Host + "/" + name }
	m.must("pull", ref("a"))
	for range rounds {
		together := []*process{m.start("pull", ref("b")), m.start("rm", ref("a")), m.start("pull", ref("c"))}
		for _, p := range together {
			if err := p.within(t, time.Minute); err != nil {
				t.Errorf("%q: %v\n%s", p.Args[1:], err, p.output.String())
			}
		}
		m.sound(files)
		together = []*process{m.start("rm", ref("b")), m.start("rm", ref("c")), m.start("pull", ref("a"))}
		for _, p := range together {
			if err := p.within(t, time.Minute); err != nil && !strings.Contains(p.output.String(), "no such image") {
				t.Errorf("%q: %v\n%s", p.Args[1:], err, p.output.String())
			}
		}
		m.sound(files)
		images, err := storeAt(m.root).List(t.Context())
		if err != nil || len(images) != 1 || images[0].Reference != ref("a")+":latest" {
			t.Fatalf("images %v, %v", images, err)
		}
	}
	m.noLeftovers()
}

// TestPullAndPruneTogether: a prune that runs beside pulls takes nothing from them, and a repo that it finds empty does
// not vanish under their hands.
func TestPullAndPruneTogether(t *testing.T) {
	rounds := 3
	if hosttest.Long() {
		rounds = 30
	}
	images := t.TempDir()
	files := makeImage(t, images, 9, 3)
	m := newMachine(t, images)
	ref := "docker://" + m.Host + "/a"
	for range rounds {
		together := []*process{m.start("prune"), m.start("pull", ref), m.start("prune"), m.start("pull", ref), m.start("prune")}
		for _, p := range together {
			if err := p.within(t, time.Minute); err != nil {
				t.Errorf("%q: %v\n%s", p.Args[1:], err, p.output.String())
			}
		}
		m.sound(files)
		m.noLeftovers()
		m.must("rm", ref)
	}
}
