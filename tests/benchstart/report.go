package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/syscontainer/syscontainer/tests/sampling"
)

func (r results) print(out io.Writer) error {
	fmt.Fprintf(out, "%s\n\n", r.about)
	if err := r.table(out); err != nil {
		return err
	}
	fmt.Fprintln(out)
	if err := r.many.table(out); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, c := range r.comparisons() {
		fmt.Fprintf(out, "ratio %s %.2f\n", c.what, c.ratio)
	}
	fmt.Fprintln(out)
	for _, c := range r.comparisons() {
		if c.most > 0 {
			fmt.Fprintf(out, "target %s at most %.2f: %.2f %s\n", c.what, c.most, c.ratio, sampling.Verdict(c.ratio, c.most))
		}
	}
	for _, name := range []string{withCrun, withRunc} {
		fmt.Fprintf(out, "target %s, processes beside the container's own at most 0: %d %s\n",
			name, len(r.starts[name].Processes), sampling.Verdict(len(r.starts[name].Processes), 0))
	}
	return nil
}

func (r results) table(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ms, median (min-max)\tstart\tstart+stop\trestart\tcpu of a start\tKiB beside\tprocesses beside")
	for _, c := range contenders() {
		s := r.starts[c.name]
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", c.name, millis(s.Start), millis(s.StartStop), millis(s.Restart), millis(s.Processor),
			s.Resident>>10, cmp.Or(strings.Join(s.Processes, " "), "none"))
	}
	return w.Flush()
}

func (m many) table(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%d containers, ms, median (min-max)\tsyscontainer\tpodman\n", m.containers)
	fmt.Fprintf(w, "list\t%s\t%s\n", millis(m.lists.Ours), millis(m.lists.Podman))
	fmt.Fprintf(w, "boot\t%s\t%s\n", millis(m.ours), millis(m.quadlets))
	fmt.Fprintf(w, "update --all, nothing new\t%s\t\n", millis(m.updates))
	return w.Flush()
}

func millis(list []time.Duration) string {
	if len(list) == 0 {
		return "-"
	}
	s := sampling.SpreadOf(list)
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	return fmt.Sprintf("%.0f (%.0f-%.0f)", ms(s.Median), ms(s.Min), ms(s.Max))
}

// comparison is a ratio of medians, and what it may be at most; 0 where nothing is promised.
type comparison struct {
	what        string
	ratio, most float64
}

func (r results) comparisons() []comparison {
	get := func(of func(*starts) []time.Duration, name string) []time.Duration { return of(r.starts[name]) }
	start := func(s *starts) []time.Duration { return s.Start }
	startStop := func(s *starts) []time.Duration { return s.StartStop }
	restart := func(s *starts) []time.Duration { return s.Restart }
	processor := func(s *starts) []time.Duration { return s.Processor }
	return []comparison{
		compare("start syscontainer/quadlet", get(start, withCrun), get(start, quadlet), 0.45),
		compare("start syscontainer/crun-in-a-unit", get(start, withCrun), get(start, crunUnit), 1.3),
		compare("start syscontainer/crun", get(start, withCrun), get(start, crun), 1.3),
		compare("start+stop syscontainer/quadlet", get(startStop, withCrun), get(startStop, quadlet), 0.35),
		compare("restart syscontainer/quadlet", get(restart, withCrun), get(restart, quadlet), 0),
		compare("cpu syscontainer/quadlet", get(processor, withCrun), get(processor, quadlet), 0),
		compare("start syscontainer-runc/quadlet", get(start, withRunc), get(start, quadlet), 0),
		compare("start syscontainer-runc/runc-in-a-unit", get(start, withRunc), get(start, runcUnit), 1.3),
		compare("start syscontainer-runc/runc", get(start, withRunc), get(start, runc), 1.3),
		compare("start syscontainer/nspawn", get(start, withCrun), get(start, "nspawn"), 0),
		compare("start syscontainer/no-container", get(start, withCrun), get(start, bare), 0),
		compare(fmt.Sprintf("list of %d syscontainer/podman", r.many.containers), r.many.lists.Ours, r.many.lists.Podman, 0.3),
		compare(fmt.Sprintf("boot with %d syscontainer/quadlet", r.many.containers), r.many.ours, r.many.quadlets, 0),
	}
}

func compare(what string, ours, others []time.Duration, most float64) comparison {
	return comparison{what, float64(sampling.SpreadOf(ours).Median) / float64(sampling.SpreadOf(others).Median), most}
}
