// Package runcspec knows the OCI runtime specification and what we promise about
// every config.json that we put into a bundle: a read-only root, no terminal, the
// control group of its unit, a socket for readiness.
//
// A template's config.json goes through Parse, Adapt and Check; an image that
// brings none through FromImage and Adapt; then MountPoints, BindSources and
// Marshal say what staging needs.
//
// The package is pure: bytes in, bytes or an error out. It knows nothing of units,
// of transports or of the disk.
package runcspec
