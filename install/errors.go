package install

import "errors"

// ErrNotInstalled says that there is no container of that name.
var ErrNotInstalled = errors.New("not installed")
