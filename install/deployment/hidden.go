package deployment

import (
	"maps"
	"slices"
)

// Shown returns one end of the plan as it may be shown: without the values of variables
// that the other end, or its image, calls secret.
func (p *Plan) Shown(r *Record) *Record {
	hidden := p.hidden(r)
	if len(hidden) == 0 {
		return r
	}
	shown := *r
	shown.Values = maps.Clone(r.Values)
	for _, name := range hidden {
		delete(shown.Values, name)
	}
	shown.Secrets = slices.Sorted(slices.Values(append(hidden, r.Secrets...)))
	return &shown
}

// Discloses reports whether files of one end may hold what the other calls secret, so that
// no differences may be shown.
func (p *Plan) Discloses() bool { return len(p.hidden(p.From))+len(p.hidden(p.To)) > 0 }

// hidden are the variables of which a record has the value, and which are secret.
func (p *Plan) hidden(r *Record) []string {
	var names []string
	if r == nil {
		return names
	}
	for name := range r.Values {
		if slices.Contains(p.Secret, name) || p.From.isSecret(name) || p.To.isSecret(name) {
			names = append(names, name)
		}
	}
	return names
}

func (r *Record) isSecret(name string) bool { return r != nil && slices.Contains(r.Secrets, name) }
