package deployment

import "github.com/syscontainer/syscontainer/runcspec"

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
