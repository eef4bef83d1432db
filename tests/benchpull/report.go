package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/syscontainer/syscontainer/tests/sampling"
)

// What is promised besides the images' targets.
const (
	mostMemory   = 150 << 20
	mostCheckout = 500 * time.Millisecond
)

func (s samples) times(contender string) sampling.Spread[time.Duration] {
	var list []time.Duration
	for _, one := range s[contender] {
		list = append(list, one.took)
	}
	return sampling.SpreadOf(list)
}

// processor is the median of the processor's time.
func (s samples) processor(contender string) time.Duration {
	var list []time.Duration
	for _, one := range s[contender] {
		list = append(list, one.processor)
	}
	return sampling.SpreadOf(list).Median
}

// memory is the most that any of the pulls took.
func (s samples) memory(contender string) int64 {
	var most int64
	for _, one := range s[contender] {
		most = max(most, one.memory)
	}
	return most
}

// results are all that was measured.
type results struct {
	images   []image
	made     map[string]made
	pulls    map[string]samples // by image
	checkout []time.Duration    // of image a
}

// report measures everything and prints it.
func (b *bench) report(ctx context.Context, chosen []image, all map[string]made, out io.Writer) error {
	about, err := b.must(ctx, versions())
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s\n\n", about)
	r := results{images: chosen, made: all, pulls: make(map[string]samples)}
	for _, img := range chosen {
		if r.pulls[img.name], err = b.measure(ctx, img, all[img.name], all); err != nil {
			return err
		}
	}
	if r.checkout, err = b.checkouts(ctx, images()[0], all["a"]); err != nil {
		return err
	}
	return r.print(out)
}

func (r results) print(out io.Writer) error {
	for _, img := range r.images {
		m := r.made[img.name]
		fmt.Fprintf(out, "%s: %s; %d MB in %d files, %d layers\n", img.name, img.about, m.Bytes/1e6, m.Files, len(img.layers))
	}
	fmt.Fprintln(out)
	if err := r.table(out); err != nil {
		return err
	}
	fmt.Fprintln(out)
	r.ratios(out)
	fmt.Fprintln(out)
	r.targets(out)
	return nil
}

func (r results) table(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "image\tby\tmedian s\tmin\tmax\tcpu s\tpeak MiB")
	for _, img := range r.images {
		for _, c := range contenders() {
			if c.takesPart(img) {
				s := r.pulls[img.name]
				t := s.times(c.name)
				fmt.Fprintf(w, "%s\t%s\t%.2f\t%.2f\t%.2f\t%.2f\t%d\n", img.name, c.name,
					t.Median.Seconds(), t.Min.Seconds(), t.Max.Seconds(), s.processor(c.name).Seconds(), s.memory(c.name)>>20)
			}
		}
	}
	t := sampling.SpreadOf(r.checkout)
	fmt.Fprintf(w, "a\tcheckout\t%.2f\t%.2f\t%.2f\t\t\n", t.Median.Seconds(), t.Min.Seconds(), t.Max.Seconds())
	return w.Flush()
}

func (r results) ratio(img image, other string) float64 {
	s := r.pulls[img.name]
	return s.times(product).Median.Seconds() / s.times(other).Median.Seconds()
}

func (r results) ratios(out io.Writer) {
	for _, img := range r.images {
		for _, c := range contenders() {
			if c.name != product && c.takesPart(img) {
				fmt.Fprintf(out, "ratio pull-%s %s/%s %.2f\n", img.name, product, c.name, r.ratio(img, c.name))
			}
		}
	}
}

// targets prints for each promise whether it is kept.
func (r results) targets(out io.Writer) {
	for _, img := range r.images {
		for _, t := range []struct {
			other string
			most  float64
		}{{"podman", img.most.podman}, {"tar+sync", img.most.tar}} {
			if t.most > 0 {
				ratio := r.ratio(img, t.other)
				fmt.Fprintf(out, "target pull-%s %s/%s at most %.2f: %.2f %s\n", img.name, product, t.other, t.most, ratio, sampling.Verdict(ratio, t.most))
			}
		}
	}
	for _, img := range r.images {
		memory := r.pulls[img.name].memory(product)
		fmt.Fprintf(out, "target memory-%s at most %d MiB: %d %s\n", img.name, mostMemory>>20, memory>>20, sampling.Verdict(memory, mostMemory))
	}
	median := sampling.SpreadOf(r.checkout).Median
	fmt.Fprintf(out, "target checkout-a at most %v: %.2fs %s\n", mostCheckout, median.Seconds(), sampling.Verdict(median, mostCheckout))
}
