package imagestore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/transports/alltransports"

	"github.com/syscontainer/syscontainer/ostree"
)

// isPrefix reports whether text may begin an ID or a digest.
func isPrefix(text string) bool {
	const shortest, longest = 4, 64
	hex := strings.TrimPrefix(text, digestPrefix)
	return shortest <= len(hex) && len(hex) <= longest && strings.Trim(hex, "0123456789abcdef") == ""
}

// isPulledAsPrefix reports whether Pull takes text for one: short names may be words of
// the letters a to f.
func isPulledAsPrefix(text string) bool {
	const shortest = 12
	return isPrefix(text) && (strings.HasPrefix(text, digestPrefix) || len(text) >= shortest)
}

const digestPrefix = "sha256:"

// localName is the form in which Tag stores a name: NAME:TAG, with the registry
// if one was given. It is not one (ok is false) when there is a transport or a
// digest in it.
func localName(text string) (name string, ok bool) {
	if alltransports.TransportFromImageName(text) != nil {
		return "", false
	}
	named, err := reference.ParseNormalizedNamed(text)
	if err != nil {
		return "", false
	}
	if _, digested := named.(reference.Digested); digested {
		return "", false
	}
	return reference.FamiliarString(reference.TagNameOnly(named)), true
}

// findTagged looks for a name that Tag gave.
func (s *Store) findTagged(ctx context.Context, text string) (Image, error) {
	name, ok := localName(text)
	if !ok {
		return Image{}, fmt.Errorf("image %q: %w", text, ErrNotFound)
	}
	return s.find(ctx, name)
}

// findKept looks for what Pull need not ask anybody about: a name that Tag gave,
// or the ID or digest of an image, or the beginning of one.
func (s *Store) findKept(ctx context.Context, text string) (Image, error) {
	img, err := s.findTagged(ctx, text)
	if !errors.Is(err, ErrNotFound) || !isPulledAsPrefix(text) {
		return img, err
	}
	return s.findPrefix(ctx, text)
}

// findPrefix looks for the one image whose ID or digest begins with text.
func (s *Store) findPrefix(ctx context.Context, text string) (img Image, err error) {
	seen := false
	if isPrefix(text) {
		err = s.look(ctx, func(_ *ostree.Repo, c *catalog) (err error) {
			seen = true
			img, err = c.imageByPrefix(text)
			return err
		})
	}
	if err == nil && !seen {
		err = fmt.Errorf("image %q: %w", text, ErrNotFound)
	}
	return img, err
}

// imageByPrefix is byPrefix with all that the repo knows of the image.
func (c *catalog) imageByPrefix(text string) (Image, error) {
	found, err := c.byPrefix(text)
	if err != nil {
		return Image{}, err
	}
	commit, err := ostree.ParseChecksum(found.Commit)
	if err != nil {
		return Image{}, err
	}
	return c.records[commit].image(found.reference(), commit)
}

// reference is a name of the image, or what it was pulled by when it has none.
func (i Stored) reference() string {
	if len(i.Names) > 0 {
		return i.Names[0]
	}
	return i.PulledAs
}

// byPrefix is the one image whose ID or digest begins with text.
func (c *catalog) byPrefix(text string) (Stored, error) {
	prefix := digestPrefix + strings.TrimPrefix(text, digestPrefix)
	matches := slices.DeleteFunc(c.images(), func(i Stored) bool {
		return !strings.HasPrefix(i.ID, prefix) && !strings.HasPrefix(i.Digest, prefix)
	})
	switch len(matches) {
	case 0:
		return Stored{}, fmt.Errorf("image %q: %w", text, ErrNotFound)
	case 1:
		return matches[0], nil
	}
	ambiguous := &AmbiguousError{Prefix: text}
	for _, match := range matches {
		ambiguous.Matches = append(ambiguous.Matches, match.ID+" ("+match.reference()+")")
	}
	return Stored{}, ambiguous
}

// withDigest is a reference of a registry with a digest in the place of its tag;
// false for other transports.
func withDigest(text, digest string) (string, bool) {
	name, ok := strings.CutPrefix(text, "docker://")
	if !ok {
		return "", false
	}
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return "", false
	}
	return "docker://" + named.Name() + "@" + digest, true
}
