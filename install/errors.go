package install

import "errors"

var (
	// ErrNotInstalled says that there is no container of that name.
	ErrNotInstalled = errors.New("not installed")
	// ErrNotRunning says that a container does not run.
	ErrNotRunning = errors.New("not running")
	// ErrRunsOnce says that an image is made to be run once, and not to be installed.
	ErrRunsOnce = errors.New("the image is made to be run once (label atomic.run=once), and not installed")
	// ErrNoHealthCheck says that nothing tells whether a container works.
	ErrNoHealthCheck = errors.New("no health check")
)

// errInterrupted is what is told of a container of which nothing is current.
var errInterrupted = errors.New("a change of it was interrupted")
