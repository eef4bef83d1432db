package deployment

import (
	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Image is an image that is in the store.
type Image struct {
	Reference string        // canonical, what update pulls again
	Digest    digest.Digest // of the manifest
	Commit    string        // of the merged tree in the repo
	Config    imgspec.Image
	Health    *ImageHealth // what Config has beside what the specification knows
	Added     bool         // this Pull brought it; false when it was there
	// PreviousCommit is what the reference led to before this Pull, "" for nothing.
	PreviousCommit string
	Fetched        int64 // bytes of layers that this Pull brought
}

// Owner is what FileInfo.Sys() of an image's file tells.
type Owner interface{ Owner() (uid, gid int) }

// Host is what the machine is like, as far as a file tree does not tell.
type Host struct {
	UID, GID     int      // of the caller
	Unified      bool     // cgroup v2 alone is mounted, or it cannot be known (the host does not run)
	Capabilities []string // that the kernel knows: CAP_CHOWN, …
	Grantable    []string // those of them that a service can have; empty when it cannot be known
	MaxFiles     uint64   // that a process may have open at most; 0 when it cannot be known
}
