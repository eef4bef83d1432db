package imagestore

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/containers/image/v5/types"
	"golang.org/x/sys/unix"
)

// endWaiting ends, when ctx does, what the library knows no contexts for: waiting for
// the other end of a pipe that a reference names. It takes that end itself, until the
// caller says that nobody waits any more.
func endWaiting(ctx context.Context, ref types.ImageReference) (done func()) {
	path, _ := splitPath(ref.Transport().Name(), ref.StringWithinTransport())
	if info, err := os.Stat(path); err != nil || info.Mode().Type() != fs.ModeNamedPipe {
		return func() {}
	}
	ended := make(chan struct{})
	off := context.AfterFunc(ctx, func() {
		for {
			takeEnd(path)
			select {
			case <-ended:
				return
			default: // it has not begun to wait, perhaps, or has more to write
			}
		}
	})
	return func() {
		off()
		close(ended)
	}
}

// takeEnd lets whoever opens a pipe go on: one who writes is rid of it for a moment,
// and then one who reads finds its end.
func takeEnd(path string) {
	const moment = 50 * time.Millisecond
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		time.Sleep(moment)
		return
	}
	defer f.Close()
	_ = f.SetReadDeadline(time.Now().Add(moment))
	_, _ = io.Copy(io.Discard, f)
}

// orInterrupted is err, and says so when ctx has ended.
func orInterrupted(ctx context.Context, err error) error {
	switch {
	case ctx.Err() == nil:
		return err
	case err == nil:
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", ctx.Err(), err)
}
