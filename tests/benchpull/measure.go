package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/sampling"
)

// bench is a machine on which pulls are measured.
type bench struct {
	*host.Host
	disk   *os.File // its root on this machine, for syncs
	rounds int
	log    io.Writer
}

// sample is one measured pull.
type sample struct {
	took      time.Duration
	processor time.Duration // user and system time of all its processes
	memory    int64         // the most that any of them had resident, in bytes
}

// samples are those of an image, by contender.
type samples map[string][]sample

// must runs a script inside the machine.
func (b *bench) must(ctx context.Context, script string) (string, error) {
	return b.Output(ctx, "sh", "-ec", script)
}

// measure pulls an image with every contender in turn, as often as there are rounds.
func (b *bench) measure(ctx context.Context, img image, m made, all map[string]made) (samples, error) {
	var taking []contender
	for _, c := range contenders() {
		if !c.takesPart(img) {
			continue
		}
		taking = append(taking, c)
		if img.over == "" {
			continue
		}
		if _, err := b.must(ctx, c.pull(image{name: img.over}, all[img.over])); err != nil {
			return nil, err
		}
	}
	result := make(samples)
	for round := range b.rounds {
		for _, c := range sampling.Rotated(taking, round) {
			s, err := b.pull(ctx, c, img, m)
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(b.log, "%s round %d %s %.2f s, cpu %.2f s, %d MiB\n",
				img.name, round+1, c.name, s.took.Seconds(), s.processor.Seconds(), s.memory>>20)
			result[c.name] = append(result[c.name], s)
		}
	}
	return result, b.dropOver(ctx, img, taking)
}

func (b *bench) dropOver(ctx context.Context, img image, taking []contender) error {
	if img.over == "" {
		return nil
	}
	for _, c := range taking {
		if _, err := b.must(ctx, c.drop(img.over)); err != nil {
			return err
		}
	}
	return nil
}

// pull measures one pull and removes what came of it.
func (b *bench) pull(ctx context.Context, c contender, img image, m made) (sample, error) {
	if err := b.settle(m); err != nil {
		return sample{}, err
	}
	start := time.Now()
	_, err := b.Output(ctx, "time", "--quiet", "--format=%U %S %M", "--output=/run/usage", "sh", "-ec", c.pull(img, m))
	s := sample{took: time.Since(start)}
	if err != nil {
		return s, fmt.Errorf("%s: image %s: %w", c.name, img.name, err)
	}
	text, err := b.must(ctx, "cat /run/usage")
	if err != nil {
		return s, err
	}
	var user, system float64
	if _, err := fmt.Sscan(text, &user, &system, &s.memory); err != nil {
		return s, fmt.Errorf("reading what %s used: %w", c.name, err)
	}
	s.processor = time.Duration((user + system) * float64(time.Second))
	s.memory <<= 10
	_, err = b.must(ctx, c.drop(img.name))
	return s, err
}

// settle makes everyone begin alike: nothing is to be written any more, nothing is in the caches but the blobs that
// the registry serves and that tar and gzip read. Where the machine does not let us empty the caches they are warm for
// everyone.
func (b *bench) settle(m made) error {
	if err := unix.Syncfs(int(b.disk.Fd())); err != nil {
		return err
	}
	_ = os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0)
	for _, blob := range m.Blobs {
		for _, file := range []string{filepath.Join(m.Layout, blob), b.served(blob)} {
			if err := read(file); err != nil {
				return err
			}
		}
	}
	return nil
}

// served is the file that the registry keeps a blob in.
func (b *bench) served(blob string) string {
	sum := filepath.Base(blob)
	return filepath.Join(b.Dir, "var/lib/docker-registry/docker/registry/v2/blobs/sha256", sum[:2], sum, "data")
}

func read(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(io.Discard, f)
	return err
}
