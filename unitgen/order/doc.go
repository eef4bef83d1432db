// Package order knows in which order systemd starts the units of a host, and why:
// what their files say, and what systemd adds to it without being told.
//
// It is pure. The content of a host's unit directories goes in as it was read, a graph
// comes out in which every edge has its reasons. It knows nothing of containers, of
// deployments or of a running systemd.
package order
