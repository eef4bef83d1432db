// Package layers knows what the tar stream of a layer means: how it is
// compressed, how entries become objects, what a stored layer looks like, and
// how layers lie over each other.
//
// It works in memory, on checksums. Contents go to an [Objects], which is a
// transaction of the repo; nothing else of a repo is known here, nor of images,
// manifests and refs.
package layers
