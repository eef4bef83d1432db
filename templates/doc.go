// Package templates knows the dialect of existing system-container images:
// `$NAME` in a text, the manifest.json beside it, and where values come from.
//
// It is pure: bytes and values in, bytes or an error out. It knows how a value
// must be written where it lands (in a JSON string, on a line of a unit), so
// that no value can become structure, but not what a unit or a config.json
// means; it sees neither the disk nor the environment.
//
// No error of this package shows a value, for values may be secret.
package templates
