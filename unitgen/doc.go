// Package unitgen knows the syntax of systemd's files: names, units, drop-ins
// and tmpfiles.d lines, and how values must be escaped there.
//
// It is pure: bytes and values in, bytes or an error out. It knows nothing of
// images, of ostree or of a running systemd; package unitgen/sysd talks to that
// one. Equal arguments give equal bytes.
package unitgen
