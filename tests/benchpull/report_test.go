package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// What reads the report greps for these lines.
func TestReportPrintsRatiosOfMediansAndTargets(t *testing.T) {
	seconds := func(memory int64, list ...float64) (s []sample) {
		for _, n := range list {
			s = append(s, sample{took: time.Duration(n * float64(time.Second)), memory: memory})
		}
		return s
	}
	r := results{images: images(), made: make(map[string]made), pulls: make(map[string]samples), checkout: []time.Duration{time.Second, time.Second / 4, time.Second / 5}}
	for _, img := range images() {
		s := make(samples)
		for _, c := range contenders() {
			if c.takesPart(img) {
				s[c.name] = seconds(1<<20, 9, 2, 1, 2, 8)
			}
		}
		s[product] = seconds(200<<20, 0.9, 0.5, 7, 1, 0.94)
		r.pulls[img.name] = s
	}
	var out strings.Builder
	if err := r.print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"ratio pull-a syscontainer/podman 0.47",
		"ratio pull-a syscontainer/tar+sync 0.47",
		"ratio pull-c syscontainer/gzip 0.47",
		"ratio pull-d syscontainer/skopeo+umoci 0.47",
		"target pull-a syscontainer/podman at most 0.50: 0.47 met",
		"target pull-d syscontainer/podman at most 0.30: 0.47 missed",
		"target memory-c at most 150 MiB: 200 missed",
		"target checkout-a at most 500ms: 0.25s met",
	} {
		if !slices.Contains(strings.Split(out.String(), "\n"), want) {
			t.Errorf("no line %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "ratio pull-d syscontainer/tar+sync") {
		t.Error("tar cannot make use of an image that is there")
	}
}
