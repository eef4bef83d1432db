// Package ostree is the repo on disk: content objects, directory trees,
// commits, refs, checkouts by hard link. It is the only package that calls C.
//
// It knows libostree and the object format that libostree documents, and
// nothing of OCI images, units or containers. No C or GLib type appears in its
// API: checksums are [Checksum], metadata is [Meta], trees are [Tree], failures
// are [*Error].
//
// The cgo conversions (strings, GError, GCancellable, GVariant) live in cgo.go;
// glue.c holds the few helpers that would otherwise need several crossings; lazy_amd64.c
// loads libostree when the first repo is opened or made.
package ostree
