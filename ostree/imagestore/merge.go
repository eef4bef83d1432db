package imagestore

import (
	"context"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"

	"github.com/syscontainer/syscontainer/ostree"
	"github.com/syscontainer/syscontainer/ostree/imagestore/layers"
)

// merge lays the layers of an image on top of each other. Where the repo has merged
// the lower ones, only what the others touch is read and written.
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
		// What was merged may be damaged; this image need not come to harm.
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

// base is what the repo has merged of the most, but not all, of a stack's lowest layers,
// and how many these are. It is nil when there is nothing; what cannot be read is nothing.
func (p *pull) base(ctx context.Context, stack []layer) (base *ostree.Tree, below int, err error) {
	chain := identity.ChainIDs(diffIDs(stack))
	for below = len(stack) - 1; below > 0; below-- {
		commit, found, err := refOrNone(p.repo, digestRef(stackPrefix, chain[below-1]))
		if err != nil {
			return nil, 0, err
		}
		if !found {
			continue
		}
		if base, err = p.repo.UnreadTree(ctx, commit); err == nil {
			return base, below, nil
		}
		if ctx.Err() != nil {
			return nil, 0, ctx.Err()
		}
		p.store.log.WarnContext(ctx, "what layers were merged to cannot be read", "commit", commit, "error", err)
	}
	return nil, 0, nil
}

// stackRef is the ref of what layers are merged to. It is theirs alone: images that have
// the same layers share it.
func stackRef(diffIDs []digest.Digest) string {
	return digestRef(stackPrefix, identity.ChainID(diffIDs))
}

// writeStack keeps what the layers of an image were merged to for images on top of them.
func writeStack(txn *ostree.Txn, root ostree.Root, stack []layer) error {
	if len(stack) == 0 {
		return nil
	}
	commit, err := txn.WriteCommit(ostree.CommitSpec{Subject: "stack", Root: root})
	if err == nil {
		txn.SetRef(stackRef(diffIDs(stack)), commit)
	}
	return err
}

func diffIDs(stack []layer) []digest.Digest {
	var list []digest.Digest
	for _, l := range stack {
		list = append(list, l.diffID)
	}
	return list
}
