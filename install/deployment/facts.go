package deployment

import (
	"fmt"
	"io/fs"
	"time"

	"github.com/syscontainer/syscontainer/unitgen/order"
)

// Facts is what a plan may depend on of the host beside the request and the image.
type Facts struct {
	Host       Host
	Paths      Paths
	Tree       HostReader
	Deployment int // the number of the new deployment
	Now        time.Time
	Generated  map[string]string // values made once: UUID
	Runtime    string            // the runtime unless somebody says otherwise; "" where none was found
	Owners     map[string]string // host path -> the container that put it there
	// Units are what is in the host's directories of units: without them no order is known
	// but that of the plan's own.
	Units []order.Dir
	// Changed are the host files of the deployment before that the administrator
	// changed, with the checksums of what they are now; "" for what is no file, or has
	// more than MaxHostFile bytes.
	Changed map[string]string
	// Made are the paths that the tmpfiles.d file of the deployment before makes.
	Made []string
}

// HostReader is how compile looks at the host's files. It must not change them.
type HostReader interface {
	Lstat(path string) (fs.FileInfo, error)
	Stat(path string) (fs.FileInfo, error)
	Readlink(path string) (string, error)
	ReadDir(path string) ([]fs.DirEntry, error)
	// Xattr is the extended attribute of that name, "" where there is none.
	Xattr(path, name string) string
	// Path says where path is once the links above it are followed.
	Path(path string) (string, error)
}

// runtimeCandidates are looked for in this order where none is configured: images
// of the past were written for runc.
var runtimeCandidates = [...]string{
	"/usr/bin/runc", "/usr/sbin/runc", "/usr/local/bin/runc", "/usr/local/sbin/runc",
	"/usr/bin/crun", "/usr/local/bin/crun",
}

// FindRuntime returns the path of an OCI runtime that the host has, "" where it has none.
func FindRuntime(tree HostReader) string {
	for _, candidate := range runtimeCandidates {
		if isProgram(tree, candidate) == nil {
			return candidate
		}
	}
	return ""
}

// isProgram returns why the host's path is no program that can be run.
func isProgram(tree HostReader, path string) error {
	info, err := tree.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
		return fmt.Errorf("%s is not a program", path)
	}
	return nil
}
