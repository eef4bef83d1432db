package ostree

// #include "glue.h"
import "C"

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// roomStep is how many bytes a transaction writes between two looks at what is free.
const roomStep = 1 << 20

// fits refuses a file for which there is no room, beside what the repo shall leave
// free (libostree's min-free-space).
func (t *Txn) fits(size int64) error {
	if t.unchecked.Add(size) < roomStep {
		return nil
	}
	t.unchecked.Store(0)
	return t.repo.fits(size)
}

func (r *Repo) fits(size int64) error {
	var keep C.guint64
	var gerr *C.GError
	if C.ostree_repo_get_min_free_space_bytes(r.c, &keep, &gerr) == 0 {
		return failure(gerr)
	}
	var room unix.Statfs_t
	if err := unix.Fstatfs(int(r.dir.Fd()), &room); err != nil {
		return os.NewSyscallError("fstatfs", err)
	}
	if free := room.Bavail * uint64(room.Bsize); uint64(size)+uint64(keep) > free {
		return fmt.Errorf("a file of %d bytes, where %d are free and %d shall stay so: %w", size, free, uint64(keep), unix.ENOSPC)
	}
	return nil
}
