package layers

import (
	"errors"
	"fmt"
)

// ErrBroken says that a layer contradicts itself or cannot be stored. Every
// other error comes from the stream or from the objects.
var ErrBroken = errors.New("broken image")

// broken is an error about a layer's own content.
func broken(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrBroken, fmt.Errorf(format, args...))
}
