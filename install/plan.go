package install

import (
	"context"
	"fmt"
	"io/fs"
	"time"

	"github.com/syscontainer/syscontainer/runcspec"
)

// Plan is a change that was thought through and not yet begun. It is plain data:
// equal requests on equal hosts have equal plans.
type Plan struct {
	From *Record `json:"from,omitempty"`
	To   *Record `json:"to,omitempty"`
	// Rendered are the files that staging writes into the deployment.
	Rendered []RenderedFile `json:"-"`
	// MountPoints must exist in the rootfs for the runtime to mount there.
	MountPoints []runcspec.MountPoint `json:"-"`
	Warnings    []string              `json:"warnings,omitempty"`
}

// RenderedFile is a file of a deployment that does not come from the image as
// it is.
type RenderedFile struct {
	Path string // relative to the deployment
	Data []byte
	Mode Mode
}

// facts is what compile may know of the host beside the request and the image.
type facts struct {
	host       Host
	paths      Paths
	tree       hostReader
	deployment int // the number of the new deployment
	now        time.Time
	generated  map[string]string // values made once: UUID
	runtime    string            // the runtime unless somebody says otherwise; "" where none was found
	owners     map[string]string // host path -> the container that put it there
}

// hostReader is how compile looks at the host's files. It must not change them.
type hostReader interface {
	Lstat(path string) (fs.FileInfo, error)
	Stat(path string) (fs.FileInfo, error)
	// Path says where path is once the links above it are followed.
	Path(path string) (string, error)
}

// runtimeCandidates are looked for in this order where none is configured: images
// of the past were written for runc.
var runtimeCandidates = [...]string{
	"/usr/bin/runc", "/usr/sbin/runc", "/usr/local/bin/runc", "/usr/local/sbin/runc",
	"/usr/bin/crun", "/usr/local/bin/crun",
}

// plan compiles the installation of image.
func (in *Installer) plan(ctx context.Context, name string, image Image, req Request) (*Plan, error) {
	files, err := in.Images.Files(ctx, image.Commit)
	if err != nil {
		return nil, err
	}
	facts, err := in.gather(name)
	if err != nil {
		return nil, err
	}
	c := &compiler{name: name, image: image, files: files, req: req, facts: facts}
	return c.compile()
}

// gather reads what compile needs to know of the host.
func (in *Installer) gather(name string) (facts, error) {
	owners, err := in.owners()
	if err != nil {
		return facts{}, err
	}
	last, err := in.lastDeployment(name)
	if err != nil {
		return facts{}, err
	}
	return facts{
		host:       in.Host,
		paths:      in.Paths,
		tree:       in.Tree,
		deployment: last + 1,
		now:        in.Now().UTC().Truncate(time.Second),
		generated:  map[string]string{"UUID": in.NewUUID()},
		runtime:    in.defaultRuntime(),
		owners:     owners,
	}, nil
}

func (in *Installer) defaultRuntime() string {
	if in.Runtime != "" {
		return in.Runtime
	}
	for _, candidate := range runtimeCandidates {
		if isProgram(in.Tree, candidate) == nil {
			return candidate
		}
	}
	return ""
}

// isProgram returns why the host's path is no program that can be run.
func isProgram(tree hostReader, path string) error {
	info, err := tree.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
		return fmt.Errorf("%s is not a program", path)
	}
	return nil
}
