package imagestore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/containers/image/v5/manifest"
	"github.com/opencontainers/go-digest"

	"github.com/syscontainer/syscontainer/ostree"
)

// Verified is how an image of the repo compares with what it should be.
type Verified struct {
	Reference string `json:"reference"`
	Digest    string `json:"digest"`
	// Objects were read, and Bytes with them, besides those that an image before
	// it in the list has too.
	Objects int    `json:"objects"`
	Bytes   uint64 `json:"bytes"`
	// Faults name what is missing or corrupted; none when all is well.
	Faults []string `json:"faults"`
}

// Verify reads every object of images and their layers and compares it with its
// checksum; manifests with their digests, and the layers with those that the
// configuration lists. No references are all images of the repo, named or not.
// What is wrong with an image is in its report; an error says that there is none.
func (s *Store) Verify(ctx context.Context, references ...string) ([]Verified, error) {
	goals, err := s.goals(ctx, references)
	if err != nil || len(goals) == 0 {
		return nil, err
	}
	var reports []Verified
	err = s.withRepo(ctx, func(repo *ostree.Repo) error {
		v := &verifier{repo: repo, walk: repo.NewWalk()}
		for _, goal := range goals {
			report, err := v.image(ctx, goal)
			if err != nil {
				return fmt.Errorf("verifying %q: %w", goal.reference, err)
			}
			reports = append(reports, report)
		}
		return nil
	})
	return reports, err
}

// goals are the images to verify.
func (s *Store) goals(ctx context.Context, references []string) ([]target, error) {
	if len(references) == 0 {
		return s.allGoals(ctx)
	}
	var goals []target
	for _, reference := range references {
		img, err := s.Find(ctx, reference)
		if errors.Is(err, ErrNotFound) {
			return nil, err
		}
		if err != nil { // it is damaged; its name is enough
			name, commit, nerr := s.commitOf(ctx, reference)
			if nerr != nil {
				return nil, err
			}
			goals = append(goals, target{reference: name, commit: commit})
			continue
		}
		commit, err := ostree.ParseChecksum(img.Commit)
		if err != nil {
			return nil, err
		}
		goals = append(goals, target{reference: img.Reference, commit: commit})
	}
	return goals, nil
}

// commitOf is the commit of a canonical reference, unread.
func (s *Store) commitOf(ctx context.Context, reference string) (string, ostree.Checksum, error) {
	all, err := s.allGoals(ctx)
	if err != nil {
		return "", ostree.Checksum{}, err
	}
	i := slices.IndexFunc(all, func(t target) bool { return t.reference == reference })
	if i < 0 {
		return "", ostree.Checksum{}, fmt.Errorf("image %q: %w", reference, ErrNotFound)
	}
	return all[i].reference, all[i].commit, nil
}

// allGoals are all names, and the images that have none.
func (s *Store) allGoals(ctx context.Context) (goals []target, err error) {
	err = s.look(ctx, func(_ *ostree.Repo, c *catalog) error {
		goals = c.goals()
		return nil
	})
	return goals, err
}

// goals are all names, and the commits that have none.
func (c *catalog) goals() (goals []target) {
	done := make(map[ostree.Checksum]bool)
	add := func(reference string, commit ostree.Checksum) {
		if !done[commit] {
			done[commit] = true
			goals = append(goals, target{reference: reference, commit: commit})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.names)) {
		add(name, c.names[name])
	}
	for _, hold := range slices.Sorted(maps.Keys(c.holds)) {
		add("the image of "+containerOf(hold), c.holds[hold])
	}
	for _, commit := range c.others {
		add(c.records[commit].reference, commit)
	}
	slices.SortFunc(goals, func(a, b target) int { return strings.Compare(a.reference, b.reference) })
	return goals
}

// verifier looks at each object once.
type verifier struct {
	repo *ostree.Repo
	walk *ostree.Walk
}

func (v *verifier) image(ctx context.Context, goal target) (Verified, error) {
	before := *v.walk
	report := Verified{Reference: goal.reference, Faults: []string{}}
	err := v.commit(ctx, &report, "", goal.commit)
	if err == nil {
		err = v.record(ctx, &report, goal.commit)
	}
	report.Objects, report.Bytes = v.walk.Objects-before.Objects, v.walk.Bytes-before.Bytes
	return report, err
}

// commit verifies the objects of a commit; where says whose they are.
func (v *verifier) commit(ctx context.Context, report *Verified, where string, commit ostree.Checksum) error {
	faults, err := v.walk.Verify(ctx, commit)
	for _, f := range faults {
		what := f.Err.Error()
		if f.Missing() {
			what = "missing"
		}
		at := strings.TrimSpace(where + " " + shown(f.Path))
		if at != "" {
			at += ": "
		}
		report.fault("%sobject %s: %s", at, f.Object, what)
	}
	return err
}

// shown is a path as it can be printed.
func shown(path string) string {
	if quoted := strconv.Quote(path); quoted != `"`+path+`"` {
		return quoted
	}
	return path
}

func (r *Verified) fault(format string, args ...any) {
	r.Faults = append(r.Faults, fmt.Sprintf(format, args...))
}

// record verifies what an image commit says about the image, and its layers.
func (v *verifier) record(ctx context.Context, report *Verified, commit ostree.Checksum) error {
	record, err := loadRecord(v.repo, commit)
	if err != nil {
		if len(report.Faults) == 0 {
			report.fault("%v", err)
		}
		return nil
	}
	report.Digest = record.digest.String()
	if sum, err := manifest.Digest(record.manifest); err != nil || sum != record.digest {
		report.fault("the manifest is not the one of digest %s", record.digest)
	}
	m, err := manifest.FromBlob(record.manifest, record.mediaType)
	if err != nil {
		report.fault("the manifest cannot be read: %v", err)
		return nil
	}
	if id := m.ConfigInfo().Digest; id.Validate() != nil || id.Algorithm().FromBytes(record.config) != id {
		report.fault("the configuration is not the one of digest %s", id)
	}
	config, err := parseConfig(record.config)
	if err != nil {
		report.fault("%v", err)
		return nil
	}
	for _, id := range config.RootFS.DiffIDs {
		if err := v.layer(ctx, report, id); err != nil {
			return err
		}
	}
	return nil
}

// layer verifies a layer that an image lists.
func (v *verifier) layer(ctx context.Context, report *Verified, id digest.Digest) error {
	commit, found, err := refOrNone(v.repo, digestRef(layerPrefix, id))
	if err != nil {
		return err
	}
	if !found {
		report.fault("layer %s: missing", id)
		return nil
	}
	before := len(report.Faults)
	if err := v.commit(ctx, report, "layer "+id.String(), commit); err != nil || len(report.Faults) > before {
		return err
	}
	c, err := v.repo.LoadCommit(commit, keyDiffID)
	if err != nil {
		return err
	}
	if got := string(c.Value(keyDiffID)); got != id.String() {
		report.fault("layer %s: the commit says that it is %s", id, got)
	}
	return nil
}
