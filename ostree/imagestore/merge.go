package imagestore

import (
	"context"
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/syscontainer/syscontainer/ostree"
	"github.com/syscontainer/syscontainer/ostree/imagestore/layers"
)

// merge lays the layers of an image on top of each other. Where the repo has an
// image of its lower layers, only what the others touch is read and written.
func (p *pull) merge(ctx context.Context, stack []layer, newMerger func() *layers.Merger) (*ostree.Tree, error) {
	base, below, err := p.base(ctx, stack)
	if err != nil {
		return nil, err
	}
	if base != nil {
		m := newMerger()
		m.Begin(base, p.repo.ReadDir)
		if err := p.apply(ctx, m, stack[below:]); err == nil {
			return m.Tree(), nil
		}
		// The other image may be damaged; this one need not come to harm.
	}
	m := newMerger()
	if err := p.apply(ctx, m, stack); err != nil {
		return nil, err
	}
	return m.Tree(), nil
}

func (p *pull) apply(ctx context.Context, m *layers.Merger, stack []layer) error {
	for _, l := range stack {
		if l.entries == nil {
			var err error
			if l.entries, err = loadEntries(ctx, p.repo, l.commit); err != nil {
				return err
			}
		}
		if err := m.Apply(l.entries); err != nil {
			return err
		}
	}
	return nil
}

// base is the tree of the image in the repo that consists of the most, but not
// all, of a stack's lowest layers, and how many these are. It is nil when there is
// none; an image that cannot be read is none.
func (p *pull) base(ctx context.Context, stack []layer) (base *ostree.Tree, below int, err error) {
	refs, err := p.repo.Refs(ctx, manifestPrefix)
	if err != nil {
		return nil, 0, err
	}
	var best ostree.Checksum
	for _, ref := range slices.Sorted(maps.Keys(refs)) {
		c, err := p.repo.LoadCommit(refs[ref], keyConfig)
		if err != nil {
			continue
		}
		config, err := parseConfig(c.Value(keyConfig))
		if err != nil {
			continue
		}
		if n := len(config.RootFS.DiffIDs); n > below && isBelow(config.RootFS.DiffIDs, stack) {
			best, below = refs[ref], n
		}
	}
	if below == 0 {
		return nil, 0, nil
	}
	base, err = p.repo.UnreadTree(ctx, best)
	if err != nil {
		p.store.log.WarnContext(ctx, "an image of the store cannot be read", "commit", best, "error", err)
		return nil, 0, ctx.Err()
	}
	return base, below, nil
}

// isBelow tells whether a stack has these layers, and more on top of them.
func isBelow(lower []digest.Digest, stack []layer) bool {
	if len(lower) >= len(stack) {
		return false
	}
	for i, diffID := range lower {
		if stack[i].diffID != diffID {
			return false
		}
	}
	return true
}
