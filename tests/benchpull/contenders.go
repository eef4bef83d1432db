package main

import (
	"fmt"
	"path"
	"strings"
)

// product is the contender that the others are compared with.
const product = "syscontainer"

// contender is a way to get an image from the registry onto a disk. What it does is shell script, run inside the
// machine: what is measured is what people type.
type contender struct {
	name string
	// pull is what is measured. Each includes as much durability as people get: syscontainer and podman sync as they
	// do, tar is told to, skopeo and umoci do not.
	pull func(img image, m made) string
	// drop removes an image; empty removes all.
	drop func(name string) string
	// partly tells that it can make use of an image that is there already.
	partly bool
}

// where the contenders work, all of it on the one disk.
const (
	scratch = "/bench"
	layouts = "/layouts"
)

// disks are the places of the machine that are on the disk. They are where each contender has its things by default.
func disks() []string {
	return []string{scratch, "/var/lib/syscontainer", "/var/lib/containers", "/var/tmp"}
}

func reference(name string) string { return "docker://localhost:5000/" + name + ":" + tag }

func contenders() []contender {
	return []contender{
		{
			name: product, partly: true,
			pull: func(img image, _ made) string { return "syscontainer pull " + reference(img.name) },
			drop: func(name string) string {
				return fmt.Sprintf("syscontainer images rm %s; syscontainer images prune", reference(name))
			},
		},
		{
			name: "podman", partly: true,
			pull: func(img image, _ made) string { return "podman pull --quiet " + reference(img.name) },
			drop: func(name string) string { return "podman rmi localhost:5000/" + name },
		},
		{
			name: "skopeo+umoci", partly: true,
			// `raw unpack` is the faster: it makes no mtree of the files.
			pull: func(img image, _ made) string {
				return fmt.Sprintf("cd %s; skopeo copy --quiet %s oci:oci:%s && umoci raw unpack --image oci:%[3]s %[3]s.root",
					scratch, reference(img.name), img.name)
			},
			// An image that stays is in the layout only; gc takes what is not its.
			drop: func(name string) string {
				return fmt.Sprintf("cd %s; rm -rf %s.root; umoci rm --image oci:%[2]s; umoci gc --layout oci", scratch, name)
			},
		},
		{
			name: "tar+sync",
			pull: func(_ image, m made) string {
				return unpackEach(m, "tar -xz -C "+scratch+"/tar -f") + "sync -f " + scratch
			},
			drop: func(string) string { return "rm -rf " + scratch + "/tar" },
		},
		{
			name: "gzip",
			pull: func(_ image, m made) string { return unpackEach(m, "gzip -dc >/dev/null") },
			drop: func(string) string { return "true" },
		},
	}
}

// unpackEach does something with each blob, one after the other.
func unpackEach(m made, what string) string {
	script := "mkdir -p " + scratch + "/tar; "
	for _, blob := range m.Blobs {
		script += what + " " + m.inside(blob) + "; "
	}
	return script
}

// inside is where the machine sees a blob.
func (m made) inside(blob string) string { return path.Join(layouts, path.Base(m.Layout), blob) }

// takesPart tells whether it makes sense to measure a contender with an image.
func (c contender) takesPart(img image) bool { return img.over == "" || c.partly }

// versions is a script that prints what is compared.
func versions() string {
	return strings.Join([]string{
		"podman --version", "skopeo --version", "umoci --version", "gzip --version | head -n 1",
		`podman info --format '{{.Store.GraphDriverName}} on {{index .Store.GraphStatus "Backing Filesystem"}}, native diff {{index .Store.GraphStatus "Native Overlay Diff"}}'`,
	}, "; ")
}
