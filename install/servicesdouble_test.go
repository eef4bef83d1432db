package install_test

import (
	"cmp"
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/syscontainer/syscontainer/install"
)

// servicesDouble is a systemd that remembers.
type servicesDouble struct {
	effects *effects
	root    string
	state   map[string]string
	enabled map[string]bool
	loaded  map[string]string // unit -> what its file said at the last reload
	runs    map[string]string // unit -> what it was started from
	// makes is what the tmpfiles.d files make; nil is nothing.
	makes func()
}

func (d *servicesDouble) Ready() error { return nil }

func (d *servicesDouble) Reload(context.Context) error {
	d.loaded = map[string]string{}
	units, _ := filepath.Glob(filepath.Join(d.root, "etc/systemd/system/*.*"))
	for _, unit := range units {
		if text, err := os.ReadFile(unit); err == nil {
			d.loaded[filepath.Base(unit)] = string(text)
		}
	}
	return d.effects.next("reload")
}

func (d *servicesDouble) run(unit string) {
	d.state[unit], d.runs[unit] = "active", d.loaded[unit]
}

func (d *servicesDouble) Enable(_ context.Context, units []string) error {
	for _, unit := range units {
		d.enabled[unit] = true
	}
	return d.effects.next("enable %v", units)
}

func (d *servicesDouble) Disable(_ context.Context, units []string) error {
	for _, unit := range units {
		delete(d.enabled, unit)
	}
	return d.effects.next("disable %v", units)
}

func (d *servicesDouble) Start(_ context.Context, unit string) error {
	d.run(unit)
	return d.effects.next("start %s", unit)
}

func (d *servicesDouble) Restart(_ context.Context, unit string) error {
	d.run(unit)
	return d.effects.next("restart %s", unit)
}

func (d *servicesDouble) Stop(_ context.Context, unit string) error {
	delete(d.state, unit)
	return d.effects.next("stop %s", unit)
}

func (d *servicesDouble) Tmpfiles(_ context.Context, file string) error {
	if d.makes != nil {
		d.makes()
	}
	return d.effects.next("tmpfiles %s", file)
}

func (d *servicesDouble) States(ctx context.Context, units []string) (map[string]install.Status, error) {
	states := map[string]install.Status{}
	for _, unit := range units {
		states[unit], _ = d.Status(ctx, unit)
	}
	return states, nil
}

func (d *servicesDouble) Status(_ context.Context, unit string) (install.Status, error) {
	return install.Status{Active: cmp.Or(d.state[unit], "inactive"), FileState: map[bool]string{true: "enabled", false: "disabled"}[d.enabled[unit]]}, nil
}

func (d *servicesDouble) Journal(context.Context, string, int) []string {
	return []string{"it went wrong"}
}

// mounterDouble remembers what would be mounted: target -> source.
type mounterDouble struct {
	effects *effects
	mounted map[string]string
}

func (d *mounterDouble) Bind(source, target string) error {
	if err := d.effects.next("bind"); err != nil {
		return err
	}
	d.mounted[target] = source
	return nil
}

func (d *mounterDouble) Unmount(target string) error {
	delete(d.mounted, target)
	return d.effects.next("unmount")
}

func (d *mounterDouble) Mounted() ([]string, error) {
	return slices.Collect(maps.Keys(d.mounted)), nil
}

// containersDouble is a runtime whose containers are names with the bundles that they run.
type containersDouble struct {
	bundles map[string]string
	probed  []string // RUNTIME NAME PROCESS
	entered []string // the same
	ran     []string // RUNTIME NAME BUNDLE UNIT
	deleted []string // RUNTIME NAME
	// run is what comes of a container that runs once, given its bundle; nil is well.
	run func(bundle string) (int, error)
	// probe is what comes of the next probes; nil is well.
	probe func(ctx context.Context) error
}

func (d *containersDouble) State(_ context.Context, _, container string) (install.ContainerState, error) {
	bundle, ok := d.bundles[container]
	return install.ContainerState{Running: ok, Bundle: bundle}, nil
}

func (d *containersDouble) Probe(ctx context.Context, runtime, container string, process []byte) error {
	d.probed = append(d.probed, runtime+" "+container+" "+string(process))
	if d.probe == nil {
		return nil
	}
	return d.probe(ctx)
}

func (d *containersDouble) Enter(runtime, container string, process []byte) error {
	d.entered = append(d.entered, runtime+" "+container+" "+string(process))
	return nil
}

func (d *containersDouble) Run(_ context.Context, runtime, container, bundle, unit string) (int, error) {
	d.ran = append(d.ran, runtime+" "+container+" "+bundle+" "+unit)
	if d.run == nil {
		return 0, nil
	}
	return d.run(bundle)
}

func (d *containersDouble) Delete(_ context.Context, runtime, container string) error {
	d.deleted = append(d.deleted, runtime+" "+container)
	return nil
}
