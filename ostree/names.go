package ostree

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// This file is about names and symlink targets that are not UTF-8. The objects
// of a repo hold strings of GVariant, which are UTF-8; Unix knows bytes.
//
// An object holds a stand-in for such a name: a prefix and the name's SHA-256,
// so that it always fits. A name that happens to begin with the prefix gets a
// stand-in, too: no two names of a directory ever meet. What the names really are
// stands in the commit, as metadata under keyNames. ReadTree, Checkout and Walk
// know about it; a commit without such names has no metadata of that kind.
//
// The metadata is a walk through the tree, to those names only and in byte order:
// tokens that end with NUL. The first byte of a token says what it is, the rest
// is the true name.
const (
	keyNames      = "syscontainer.names"
	standInPrefix = ".syscontainer-name-"

	tokenDir    = '+' // enter a directory
	tokenUp     = '-' // leave it
	tokenFile   = '=' // a file, or a symlink
	tokenTarget = '@' // a symlink whose target, the next token, is not UTF-8
)

var errNames = errors.New("malformed list of names")

// standIn is what an object holds for a name of a directory.
func standIn(name string) string {
	if utf8.ValidString(name) && !strings.HasPrefix(name, standInPrefix) {
		return name
	}
	return hashed(name)
}

// targetStandIn is what an object holds for the target of a symlink. Stand-ins of
// targets may be any target: the list tells where there is one.
func targetStandIn(target string) string {
	if utf8.ValidString(target) {
		return target
	}
	return hashed(target)
}

func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return standInPrefix + hex.EncodeToString(sum[:])
}

// appendNames appends what the list says about the files of a directory.
func (t *Tree) appendNames(b []byte) []byte {
	var odd []string
	for name := range t.Files {
		if standIn(name) != name {
			odd = append(odd, name)
		}
	}
	for name, target := range t.Targets {
		if targetStandIn(target) != target {
			odd = append(odd, name)
		}
	}
	slices.Sort(odd)
	for _, name := range slices.Compact(odd) {
		if target := t.Targets[name]; targetStandIn(target) != target {
			b = appendToken(b, tokenTarget, name)
			b = append(append(b, target...), 0)
		} else {
			b = appendToken(b, tokenFile, name)
		}
	}
	return b
}

// appendDirNames appends what the list says about a directory below, whose own
// list is given.
func appendDirNames(b []byte, name string, below []byte) []byte {
	if len(below) == 0 && standIn(name) == name {
		return b
	}
	b = append(appendToken(b, tokenDir, name), below...)
	return appendToken(b, tokenUp, "")
}

func appendToken(b []byte, token byte, text string) []byte {
	return append(append(append(b, token), text...), 0)
}

// names is what a list says about one directory; nil when it says nothing.
type names struct {
	entries map[string]*trueName // by what the object holds
	up      *names               // only while the list is read
	plain   bool                 // the name of the directory is no odd one
}

// trueName is what stands behind a name that an object holds.
type trueName struct {
	name   string
	target string // of a symlink that has a stand-in for a target
	below  *names // of a directory; nil for a file
}

// parseNames reads a list; none is nil.
func parseNames(list []byte) (*names, error) {
	if len(list) == 0 {
		return nil, nil
	}
	at := &names{entries: make(map[string]*trueName)}
	for rest := list; len(rest) > 0; {
		var token, target []byte
		var ok bool
		if token, rest, ok = bytes.Cut(rest, []byte{0}); !ok || len(token) == 0 {
			return nil, errNames
		}
		kind, name := token[0], string(token[1:])
		if kind == tokenTarget {
			if target, rest, ok = bytes.Cut(rest, []byte{0}); !ok || utf8.Valid(target) {
				return nil, errNames
			}
		}
		var err error
		if at, err = at.next(kind, name, string(target)); err != nil {
			return nil, err
		}
	}
	if at.up != nil {
		return nil, errNames
	}
	return at, nil
}

// next takes one token, and returns where the list goes on.
func (n *names) next(kind byte, name, target string) (*names, error) {
	if kind == tokenUp {
		if n.up == nil || name != "" || n.plain && len(n.entries) == 0 {
			return nil, errNames
		}
		up := n.up
		n.up = nil
		return up, nil
	}
	entry := &trueName{name: name, target: target}
	at := n
	switch kind {
	case tokenDir:
		entry.below = &names{entries: make(map[string]*trueName), up: n, plain: standIn(name) == name}
		at = entry.below
	case tokenFile:
		if standIn(name) == name {
			return nil, errNames
		}
	case tokenTarget:
	default:
		return nil, errNames
	}
	if err := CheckName(name); err != nil {
		return nil, fmt.Errorf("%w: %w", errNames, err)
	}
	if n.entries[standIn(name)] != nil {
		return nil, errNames
	}
	n.entries[standIn(name)] = entry
	return at, nil
}

// file is the true name of a file, and the target of a symlink that has a
// stand-in for it.
func (n *names) file(held string) (name, target string) {
	if n != nil {
		if entry := n.entries[held]; entry != nil && entry.below == nil {
			return entry.name, entry.target
		}
	}
	return held, ""
}

// dir is the true name of a directory, and what the list says about it.
func (n *names) dir(held string) (name string, below *names) {
	if n != nil {
		if entry := n.entries[held]; entry != nil && entry.below != nil {
			return entry.name, entry.below
		}
	}
	return held, nil
}

// check demands that everything that a list says about a directory is there.
func (n *names) check(object treeObject) error {
	if n == nil {
		return nil
	}
	there := 0
	for _, f := range object.files {
		if entry := n.entries[f.name]; entry != nil && entry.below == nil {
			there++
		}
	}
	for _, d := range object.dirs {
		if entry := n.entries[d.name]; entry != nil && entry.below != nil {
			there++
		}
	}
	if there != len(n.entries) {
		return fmt.Errorf("%w: %d of %d are not there", errNames, len(n.entries)-there, len(n.entries))
	}
	return nil
}
