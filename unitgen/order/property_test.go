package order_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/syscontainer/syscontainer/unitgen/order"
)

// randomHost has a few units that are ordered at random, and says what it wrote.
func randomHost(rnd *rand.Rand) (text string, before map[[2]int]bool, size int) {
	size = 2 + rnd.IntN(7)
	before = map[[2]int]bool{}
	var b strings.Builder
	for i := range size {
		fmt.Fprintf(&b, "-- etc/systemd/system/u%d.service --\n[Unit]\nDefaultDependencies=no\n", i)
		for j := range size {
			switch rnd.IntN(3 * size / 2) {
			case 0:
				fmt.Fprintf(&b, "After=u%d.service\n", j)
				before[[2]int{j, i}] = i != j
			case 1:
				fmt.Fprintf(&b, "Before=u%d.service\n", j)
				before[[2]int{i, j}] = i != j
			}
		}
		b.WriteString("[Service]\nExecStart=/x\nStandardOutput=null\n")
	}
	return b.String(), before, size
}

// shortest is the length of the shortest cycle, 0 for none: all ways from everywhere to
// everywhere, as Floyd and Warshall have them.
func shortest(before map[[2]int]bool, size int) int {
	const far = 1000
	way := map[[2]int]int{}
	for i := range size {
		for j := range size {
			way[[2]int{i, j}] = far
			if before[[2]int{i, j}] {
				way[[2]int{i, j}] = 1
			}
		}
	}
	for k := range size {
		for i := range size {
			for j := range size {
				way[[2]int{i, j}] = min(way[[2]int{i, j}], way[[2]int{i, k}]+way[[2]int{k, j}])
			}
		}
	}
	found := far
	for i := range size {
		found = min(found, way[[2]int{i, i}])
	}
	return found % far
}

func TestCyclesOfRandomHosts(t *testing.T) {
	cycles := 0
	for seed := range uint64(2000) {
		text, before, size := randomHost(rand.New(rand.NewPCG(seed, 1)))
		g := graphOf(text)
		cycle := g.NewCycle(order.Load(nil).Graph())
		if want := shortest(before, size); len(cycle) != want {
			t.Fatalf("seed %d: the shortest cycle has %d units; got\n%s\nin\n%s", seed, want, cycle, text)
		}
		for i, edge := range cycle {
			var from, to int
			fmt.Sscanf(edge.First+" "+edge.Then, "u%d.service u%d.service", &from, &to)
			if !before[[2]int{from, to}] || edge.Then != cycle[(i+1)%len(cycle)].First {
				t.Fatalf("seed %d: no cycle:\n%s\nin\n%s", seed, cycle, text)
			}
		}
		checkOrder(t, g, cycle != nil)
		if cycle != nil {
			cycles++
		}
	}
	if cycles < 200 || cycles > 1800 {
		t.Errorf("%d of 2000 hosts have a cycle, which tests one thing only", cycles)
	}
}

// checkOrder looks at the start order of all units.
func checkOrder(t *testing.T, g *order.Graph, cyclic bool) {
	t.Helper()
	part := g.Around(g.Names())
	if (part.Cycle != nil) != cyclic || len(part.Units) != len(g.Names()) {
		t.Fatalf("got %+v, of which a cycle is %v", part, cyclic)
	}
	for _, edge := range part.Edges {
		if !cyclic && slices.Index(part.Units, edge.First) > slices.Index(part.Units, edge.Then) {
			t.Fatalf("%s comes before %s, and the order is %v", edge.First, edge.Then, part.Units)
		}
	}
}

// Whatever the files of a host are, reading them ends, and what is found is consistent.
func FuzzLoad(f *testing.F) {
	f.Add("a@.service", "-> b@.service", "b@.service", "-> a@.service", "c.service", "[Unit]\nAfter=a@%n.service %j%J%f%I.mount %")
	f.Add("x-y@z.service.wants/q.socket", "-> /q.socket", "x-.service.d/a.conf", "[Unit]\nDefaultDependencies=0\nRequiresMountsFor=/a//b/../c\n", "x-y@.service", "[Service]")
	f.Add("a.target", "[Unit]\nWants=b.service", "b.service", "[Unit]\nAfter=a.target\nConflicts=c.socket", "c.socket", "[Socket]\nListenStream=/%i\nService=b.service")
	f.Fuzz(func(t *testing.T, name1, text1, name2, text2, name3, text3 string) {
		var archive txtar.Archive
		for _, f := range [][2]string{{name1, text1}, {name2, text2}, {name3, text3}} {
			archive.Files = append(archive.Files, txtar.File{Name: "etc/systemd/system/" + f[0], Data: []byte(f[1])})
		}
		units := order.Load(dirsOf(&archive))
		g := units.Graph()
		cycle := g.NewCycle(order.Load(nil).Graph())
		for i, edge := range cycle {
			if edge.Then != cycle[(i+1)%len(cycle)].First || len(edge.Reasons) == 0 || !g.Exists(edge.First) {
				t.Fatalf("no cycle:\n%s", cycle)
			}
		}
		if g.NewCycle(g) != nil {
			t.Error("nothing is new, but there is a new cycle")
		}
		if part := g.Around(g.Names()); len(part.Units) != len(g.Names()) {
			t.Errorf("got %v of %v", part.Units, g.Names())
		}
	})
}
