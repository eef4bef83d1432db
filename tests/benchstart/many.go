package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/syscontainer/syscontainer/tests/sampling"
)

// many is what was measured with many containers of each kind that run.
type many struct {
	containers int
	lists      lists
	// Boots until systemd has started everything, with all of ours and with all of quadlet's.
	ours, quadlets []time.Duration
	updates        []time.Duration // update --all with nothing new
}

type lists struct{ Ours, Podman []time.Duration }

// A few of these take long enough.
const fewRounds = 3

// quadlets is where quadlet has its files.
const quadlets = "/etc/containers/systemd"

func (b *bench) measureMany(ctx context.Context, rounds int) (many, error) {
	m := many{containers: b.many}
	for _, step := range []func() error{
		func() error { return b.fill(ctx) },
		func() error { return b.inside(ctx, &m.lists, "lists", rounds) },
		func() error { return b.updates(ctx, &m) },
		func() error { return b.boots(ctx, &m.ours, "mv "+quadlets+" "+scratch+"/quadlets") },
		func() error {
			return b.boots(ctx, &m.quadlets, "systemctl disable "+b.names("ours")+"; mv "+scratch+"/quadlets "+quadlets)
		},
	} {
		if err := step(); err != nil {
			return m, err
		}
	}
	return m, nil
}

// names are those of many containers, as a shell reads them.
func (b *bench) names(kind string) string {
	var names []string
	for n := range b.many {
		names = append(names, kind+strconv.Itoa(n))
	}
	return strings.Join(names, " ")
}

// fill installs and starts many containers of both kinds.
func (b *bench) fill(ctx context.Context) error {
	quadletText := quadletFile("$name")
	script := fmt.Sprintf("for name in %s; do syscontainer install --name $name %s >/dev/null; done\n", b.names("ours"), image) +
		fmt.Sprintf("for name in %s; do cat >%s/$name.container <<EOF\n%sEOF\ndone\n", b.names("quadlet"), quadlets, quadletText) +
		fmt.Sprintf("systemctl daemon-reload; systemctl start %s %s", b.names("ours"), b.names("quadlet"))
	_, err := b.script(ctx, script)
	return err
}

func (b *bench) updates(ctx context.Context, m *many) error {
	for range fewRounds {
		start := time.Now()
		if _, err := b.host.Output(ctx, "syscontainer", "update", "--all"); err != nil {
			return err
		}
		m.updates = append(m.updates, time.Since(start))
	}
	return nil
}

// boots measures boots after a change.
func (b *bench) boots(ctx context.Context, took *[]time.Duration, change string) error {
	if _, err := b.script(ctx, change); err != nil {
		return err
	}
	for range fewRounds {
		if err := b.host.Reboot(ctx); err != nil {
			return err
		}
		text, err := b.host.Output(ctx, "systemctl", "show", "--value", "--property=UserspaceTimestampMonotonic,FinishTimestampMonotonic")
		if err != nil {
			return err
		}
		var begin, end int64
		if _, err := fmt.Sscan(text, &begin, &end); err != nil {
			return fmt.Errorf("reading when the machine was up: %w", err)
		}
		*took = append(*took, time.Duration(max(begin, end)-min(begin, end))*time.Microsecond)
	}
	return nil
}

// printLists measures both lists in turn and prints the times as JSON.
func printLists(ctx context.Context, rounds int, out io.Writer) error {
	var l lists
	type lister struct {
		argv []string
		took *[]time.Duration
	}
	listers := []lister{{[]string{program, "list"}, &l.Ours}, {[]string{"podman", "ps"}, &l.Podman}}
	for round := range rounds {
		for _, one := range sampling.Rotated(listers, round) {
			took, err := meter{}.time(ctx, one.argv, false)
			if err != nil {
				return err
			}
			*one.took = append(*one.took, took)
		}
	}
	return json.NewEncoder(out).Encode(l)
}
