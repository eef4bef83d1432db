package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// checkout measures Store.Checkout of an image, which makes it durable too, beside the store.
func checkout(ctx context.Context, name string, out io.Writer) error {
	const state = "/var/lib/syscontainer"
	store := imagestore.New(imagestore.Options{Repo: state + "/repo", TempDir: state})
	image, err := store.Find(ctx, name)
	if err != nil {
		return err
	}
	dir := state + "/benchpull"
	defer os.RemoveAll(dir)
	start := time.Now()
	if err := store.Checkout(ctx, image.Commit, dir); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, time.Since(start).Seconds())
	return err
}

// checkouts measures checkouts of an image by running checkout inside the machine: after a pull, as an installation
// does, and so with warm caches.
func (b *bench) checkouts(ctx context.Context, img image, m made) ([]time.Duration, error) {
	mine := contenders()[0]
	if _, err := b.must(ctx, mine.pull(img, m)); err != nil {
		return nil, err
	}
	var list []time.Duration
	for range b.rounds {
		if err := unix.Syncfs(int(b.disk.Fd())); err != nil {
			return nil, err
		}
		text, err := b.must(ctx, "/benchpull checkout "+reference(img.name))
		if err != nil {
			return nil, err
		}
		seconds, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil {
			return nil, fmt.Errorf("reading how long a checkout took: %w", err)
		}
		list = append(list, time.Duration(seconds*float64(time.Second)))
	}
	_, err := b.must(ctx, mine.drop(img.name))
	return list, err
}
