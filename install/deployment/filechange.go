package deployment

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"
)

// FileChange is what a plan does about one file. Its JSON keys are never renamed.
type FileChange struct {
	Path   string `json:"path"`
	Action Action `json:"action"`
	// Diff is unified, of files that are text; "" where there is nothing to compare.
	Diff string `json:"diff,omitempty"`
}

// Action is what is done about a file.
type Action string

// What can be done about a file.
const (
	Add    Action = "add"
	Change Action = "change"
	Remove Action = "remove"
	// Keep leaves a file as the administrator has it.
	Keep Action = "keep"
)

// MaxText is how large a file is at most of which the text matters: systemd reads no more
// of a unit.
const MaxText = 1 << 20

// ErrTooLarge says that a file was not read because it has more than MaxText bytes.
var ErrTooLarge = errors.New("larger than a megabyte")

// maxDiff is how large a file is at most that people want to see a diff of.
const maxDiff = 256 << 10

// Contents reads the content of a file of a deployment. One that has too much of it for
// a text is ErrTooLarge.
type Contents func(f HostFile) ([]byte, error)

// Contents are those of the new deployment, made or taken from the files of its image.
func (p *Plan) Contents(files fs.FS) Contents {
	return func(f HostFile) ([]byte, error) {
		for _, rendered := range p.Rendered {
			if rendered.Path == f.Source {
				return rendered.Data, nil
			}
		}
		name := strings.TrimPrefix(f.Source, RootfsDir+"/")
		if info, err := fs.Stat(files, name); err == nil && info.Size() > MaxText {
			return nil, fmt.Errorf("reading %s of the image: %w", name, ErrTooLarge)
		}
		return fs.ReadFile(files, name)
	}
}

// Presence is how the host has a file of a deployment.
type Presence int

// How the host can have a file.
const (
	Missing Presence = iota
	AsPlaced
	Changed // by the administrator
)

// FileChanges lists what becomes of the host's files between two records, by path;
// either may be nil. look says how the host has the files of the first.
func FileChanges(from, to *Record, before, after Contents, look func(HostFile) Presence) ([]FileChange, error) {
	changes := []FileChange{}
	was, will := from.FilesByPath(), to.FilesByPath()
	for p, f := range was {
		if next, stays := will[p]; stays && next.Kind != Directory || f.Kind == Directory {
			continue
		}
		switch look(f) {
		case AsPlaced:
			changes = append(changes, FileChange{Path: p, Action: Remove})
		case Changed:
			changes = append(changes, FileChange{Path: p, Action: Keep})
		case Missing:
		}
	}
	for p, f := range will {
		if f.Kind == Directory {
			continue
		}
		old, ours := was[p]
		if !ours {
			changes = append(changes, FileChange{Path: p, Action: Add})
			continue
		}
		c, err := fileChange(old, f, look(old), before, after)
		if err != nil {
			return nil, err
		}
		if c.Action != "" {
			changes = append(changes, c)
		}
	}
	slices.SortFunc(changes, func(a, b FileChange) int { return strings.Compare(a.Path, b.Path) })
	return changes, nil
}

// looksLike reports whether the host's entry is the same for both.
func (f HostFile) looksLike(other HostFile) bool {
	return f.Kind == other.Kind && f.Mode == other.Mode && f.UID == other.UID && f.GID == other.GID &&
		f.SHA256 == other.SHA256 && f.Target == other.Target
}

// fileChange is what becomes of a file that both deployments have; without an action
// where it stays what it is.
func fileChange(old, next HostFile, there Presence, before, after Contents) (c FileChange, err error) {
	c.Path = next.Path
	switch {
	case there == Missing:
		c.Action = Add
	case old.looksLike(next):
	case there == Changed:
		c.Action = Keep
	default:
		c.Action = Change
		c.Diff, err = Diff(old, next, before, after)
	}
	return c, err
}

// Diff is the unified diff of two versions of a file; "" when they are the same, are
// no text, or are larger than anybody reads.
func Diff(old, next HostFile, before, after Contents) (string, error) {
	if old.Kind != File || next.Kind != File {
		return "", nil
	}
	was, err := before(old)
	var will []byte
	if err == nil {
		will, err = after(next)
	}
	if errors.Is(err, ErrTooLarge) {
		return "", nil
	}
	return unified(next.Path, was, will), err
}

func unified(name string, was, will []byte) string {
	if max(len(was), len(will)) > maxDiff || !utf8.Valid(was) || !utf8.Valid(will) {
		return ""
	}
	text := diff.Diff(name, was, name, will)
	_, text, _ = bytes.Cut(text, []byte("\n")) // the line "diff A B"
	return string(text)
}
