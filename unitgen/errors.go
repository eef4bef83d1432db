package unitgen

import "fmt"

// A NameError says why a name of a container or of a unit is not accepted.
type NameError struct {
	Name   string
	Reason string
}

func (e *NameError) Error() string {
	return fmt.Sprintf("name %q %s", e.Name, e.Reason)
}

// A SyntaxError is one line of a unit file that systemd would ignore or refuse.
type SyntaxError struct {
	File   string
	Line   int // counted from 1; the first line of a directive that is continued
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Reason)
}

// A ValueError is a value that cannot stand in the setting where it is wanted.
type ValueError struct {
	Setting string // e.g. "KillSignal"
	Value   string
	Reason  string
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("%s=: %q %s", e.Setting, e.Value, e.Reason)
}
