// Package faults_test interferes with a verb at each of its steps: at every system call by which it changes the host, in
// turn. First it is killed there, as by a crash; then the call fails, as on a bad disk, a full one, or one that does not
// let it. After each run the host must be wholly as before or wholly as after, and the verb must work.
//
// A point is the number of such a call, counted from 1 (see package inject). What must hold after a run is in check.
package faults_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/tests/inject"
)

// errnos are what calls fail with: a bad disk, a full one, one that does not let us.
var errnos = []unix.Errno{unix.EIO, unix.ENOSPC, unix.EACCES}

// stride is by how many points the test goes on, from any of the first: the long one misses none. No verb has fewer
// points than a short one; a rollback has 60.
func stride(short int) int {
	if hosttest.Long() {
		return 1
	}
	return short
}

func TestKilledAtEachPoint(t *testing.T) {
	for _, v := range verbs {
		t.Run(v.name, func(t *testing.T) {
			s := prepare(t, v)
			s.each(t, stride(29), func(n int) inject.Fault { return inject.Fault{Nth: n} }, s.checkKilled)
		})
	}
}

func TestFailsAtEachPoint(t *testing.T) {
	for _, v := range verbs {
		for _, errno := range errnos {
			t.Run(v.name+", "+unix.ErrnoName(errno), func(t *testing.T) {
				s := prepare(t, v)
				s.each(t, stride(53), func(n int) inject.Fault { return inject.Fault{Nth: n, Errno: errno} }, s.checkFailed)
			})
		}
	}
}

// scene is a verb, and the hosts that it may leave.
type scene struct {
	verb
	images        images
	memory        string
	template      host // as the verb finds it
	before, after state
	undone        tree // the host, when it was undone
	fetched       tree // the repo, when an image was pulled and nothing was done with it
}

func prepare(t *testing.T, v verb) *scene {
	t.Helper()
	s := &scene{verb: v, images: serveImages(t), memory: memory(t)}
	s.template = newHost(t, filepath.Join(s.memory, "before"), s.images.Host)
	for _, do := range v.begin {
		do(t, s.template, s.images)
	}
	s.before = s.sample(t)
	s.fetched = s.sample(t, []string{"pull", image}).repo
	if v.killed != nil {
		v.killed(t, s.template, s.images)
	}
	s.after = s.sample(t, v.args)
	if v.undo != nil {
		s.undone = s.sample(t, v.args, v.undo).host
	}
	if t.Failed() {
		t.FailNow()
	}
	return s
}

// sample is a host after undisturbed commands; of the repo it has what is in use.
func (s *scene) sample(t *testing.T, commands ...[]string) state {
	t.Helper()
	h := s.template.copyTo(t, filepath.Join(s.memory, "sample"))
	for _, args := range commands {
		h.must(args...)
	}
	host := h.look().host
	h.must("images", "prune")
	return state{host, h.look().repo}
}

// each runs the verb once for every point, several at a time, until one run ends before it comes to its point.
func (s *scene) each(t *testing.T, by int, fault func(n int) inject.Fault, check func(*point)) {
	var next, points atomic.Int64
	next.Store(int64(1 + rand.IntN(by) - by))
	var workers sync.WaitGroup
	for w := range 2 {
		workers.Go(func() {
			for {
				n := int(next.Add(int64(by)))
				h := s.template.copyTo(t, filepath.Join(s.memory, fmt.Sprint("host", w)))
				p := point{scene: s, host: h, fault: fault(n)}
				p.result = h.under(p.fault, s.args...)
				if p.Hit == "" {
					return
				}
				points.Add(1)
				ok := t.Run(fmt.Sprint(n), func(t *testing.T) {
					p.host.t = t
					check(&p)
				})
				if !ok {
					t.Logf("point %d: %s\nit said: %s", n, strings.ReplaceAll(p.Hit, h.root, ""), p.stderr)
				}
			}
		})
	}
	workers.Wait()
	t.Logf("%d points", points.Load())
	if points.Load() == 0 {
		t.Error("there was no point at which it could be interfered with")
	}
}

// point is a run that was interfered with, and the host that it left.
type point struct {
	*scene
	host
	fault inject.Fault
	result
}

// checkKilled: whatever is left of a killed command, the next ones set right.
func (s *scene) checkKilled(p *point) {
	if p.code != -1 {
		p.host.t.Errorf("it was to be killed, and ended with %d", p.code)
	}
	p.host.must("list", "--json")
	p.checkUnits("after the kill")
	p.check(asBefore, asAfter)
}

// unexplained are the words of others where they do not know the reason of a call that fails once: libostree's (version
// 2022.7) when it could not open the lock of a repo, or a prune of its own cannot remove a mark; systemctl's when it could not make a directory for a link.
var unexplained = regexp.MustCompile(`pruning the repo: unknown error|opening lock file \(null\)|failed to enable unit, unit \S+ does not exist`)

// checkFailed: a command that cannot do something says so and has done nothing, or it can do without.
func (s *scene) checkFailed(p *point) {
	p.checkUnits("after the failure")
	if p.code == 0 {
		p.check(asAfter)
		return
	}
	why := strings.ToLower(p.fault.Errno.Error())
	said := strings.ToLower(p.stdout + p.stderr)
	if p.code != 1 || !strings.Contains(said, why) && !unexplained.MatchString(said) {
		p.host.t.Errorf("it ended with %d, without telling of %q: %s", p.code, why, said)
	}
	if s.onward || s.part != nil || s.killed != nil {
		p.check(asBefore, asAfter)
		return
	}
	if diff := s.before.host.diff(p.look().host); diff != "" {
		p.host.t.Errorf("it failed, and left\n%s", diff)
	}
	p.check(asBefore)
}

// end is how a host may be after a run.
type end int

const (
	asBefore end = iota
	asAfter
)

// check demands what must hold after `recover`, whatever happened before: the host is wholly as one of the ends says, its
// repo has nothing that is not in use, every unit can be started, and the verb works.
func (p *point) check(ends ...end) {
	t := p.host.t
	p.must("recover")
	now := p.look()
	p.checkUnits("after recover")
	if !p.unsound {
		p.checkRepo()
	}
	p.must("images", "prune")
	now.repo = p.look().repo
	if p.part != nil {
		p.checkParts(now)
		return
	}
	fromBefore, fromAfter := p.fromBefore(now), p.fromAfter(now)
	switch {
	case slices.Contains(ends, asBefore) && fromBefore == "":
		if p.killed == nil {
			p.must(p.args...)
			p.mustBe("after the verb was repeated", p.after.host)
		}
	case slices.Contains(ends, asAfter) && fromAfter == "":
		if p.undo != nil {
			p.must(p.undo...)
			p.mustBe("after it was undone", p.undone)
		}
	default:
		t.Errorf("ends that are right: %v; the host differs from before by\n%s\nand from after by\n%s", ends, fromBefore, fromAfter)
	}
}

// checkParts demands that each part of the host is as before or as after, and that the verb makes all of them as after.
func (p *point) checkParts(now state) {
	before, after, is := p.before.host.parts(p.part), p.after.host.parts(p.part), now.host.parts(p.part)
	for _, part := range slices.Concat(slices.Collect(maps.Keys(before)), slices.Collect(maps.Keys(after)), slices.Collect(maps.Keys(is))) {
		fromBefore, fromAfter := before[part].diff(is[part]), after[part].diff(is[part])
		if fromBefore != "" && fromAfter != "" {
			p.host.t.Errorf("%s differs from before by\n%s\nand from after by\n%s", part, fromBefore, fromAfter)
		}
	}
	p.must(p.args...)
	p.mustBe("after the verb was repeated", p.after.host)
	p.checkRepo()
	p.must("images", "prune")
	if diff := p.after.repo.diff(p.look().repo); diff != "" {
		p.host.t.Errorf("after the verb was repeated the repo differs by\n%s", diff)
	}
}

// fromBefore is what is not as it was before. That an image was fetched for nothing does not count.
func (p *point) fromBefore(now state) string {
	repo := p.before.repo.diff(now.repo)
	if repo != "" && p.fetched.diff(now.repo) == "" {
		repo = ""
	}
	return p.before.host.diff(now.host) + repo
}

func (p *point) fromAfter(now state) string {
	return p.after.host.diff(now.host) + p.after.repo.diff(now.repo)
}

func (p *point) mustBe(when string, want tree) {
	p.host.t.Helper()
	if diff := want.diff(p.look().host); diff != "" {
		p.host.t.Errorf("%s there is\n%s", when, diff)
	}
}
