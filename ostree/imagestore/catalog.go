package imagestore

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/containers/image/v5/manifest"
	"github.com/opencontainers/go-digest"

	"github.com/syscontainer/syscontainer/ostree"
	"github.com/syscontainer/syscontainer/ostree/imagestore/refname"
)

// Stored is an image of the repo under all its names. Two names with the same
// manifest are names of one image.
type Stored struct {
	// Digest is that of the manifest, ID that of the configuration.
	Digest, ID string
	// Names are the references that the image has, sorted; it may have lost all.
	Names []string
	// PulledAs is the reference that the image was pulled by.
	PulledAs string
	// Containers use the image, in any of their deployments; sorted.
	Containers []string
	// Commit is one of the image's merged commits; they have the same tree.
	Commit string
	// Created is what the image says; zero when it does not.
	Created time.Time
	// Size is what a checkout takes, and Unique how much of that no other image
	// of the repo needs, each object counted once. Only Inventory sets them.
	Size, Unique uint64
	// Broken is why the image cannot be read. Of such an image Names, Containers and
	// Commit are known, and PulledAs when that can be read.
	Broken error
}

// Inventory describes every image of the repo, named or not, sorted by name, those
// that cannot be read among them. No repo is no images.
func (s *Store) Inventory(ctx context.Context) (images []Stored, err error) {
	err = s.look(ctx, func(repo *ostree.Repo, c *catalog) error {
		found := c.images()
		if err := measure(ctx, repo, found); err != nil {
			return err
		}
		images = append(found, c.unreadable()...)
		slices.SortFunc(images, compareStored)
		return nil
	})
	return images, err
}

// look calls do with the repo and what it has at this moment, as read does.
func (s *Store) look(ctx context.Context, do func(*ostree.Repo, *catalog) error) error {
	return s.read(ctx, func(repo *ostree.Repo) error {
		c, err := readCatalog(ctx, repo)
		if err != nil {
			return err
		}
		return do(repo, c)
	})
}

// read calls do with the repo. It takes no lock. Where there is no repo there is nothing
// to be seen, and do is not called.
func (s *Store) read(ctx context.Context, do func(*ostree.Repo) error) error {
	repo, err := ostree.Open(ctx, s.options.Repo)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer repo.Close()
	return do(repo)
}

// measure sets the images' sizes.
func measure(ctx context.Context, repo *ostree.Repo, images []Stored) error {
	users := make(map[ostree.Checksum]int)
	sizes := make(map[ostree.Checksum]uint64)
	reached := make([]map[ostree.Checksum]uint64, len(images))
	for i := range images {
		commit, err := ostree.ParseChecksum(images[i].Commit)
		if err != nil {
			return err
		}
		walk := repo.NewWalk()
		if err := walk.Measure(ctx, commit); ctx.Err() != nil {
			return err
		} else if err != nil {
			images[i].Broken = err
			continue
		}
		reached[i] = walk.Files()
		for sum, size := range reached[i] {
			users[sum]++
			sizes[sum] = size
		}
	}
	for i := range images {
		for sum := range reached[i] {
			images[i].Size += sizes[sum]
			if users[sum] == 1 {
				images[i].Unique += sizes[sum]
			}
		}
	}
	return nil
}

// catalog is what a repo's refs say about images, at one moment.
type catalog struct {
	names   map[string]ostree.Checksum // reference -> image commit
	holds   map[string]ostree.Checksum // NAME/NUMBER -> image commit
	others  []ostree.Checksum          // image commits that only a manifest's ref names
	records map[ostree.Checksum]imageRecord
	broken  map[ostree.Checksum]error
	strange map[string]error // refs of images whose names nobody can read
}

func readCatalog(ctx context.Context, repo *ostree.Repo) (*catalog, error) {
	refs, err := repo.Refs(ctx, "")
	if err != nil {
		return nil, err
	}
	c := &catalog{
		names: make(map[string]ostree.Checksum), holds: make(map[string]ostree.Checksum),
		records: make(map[ostree.Checksum]imageRecord), broken: make(map[ostree.Checksum]error),
		strange: make(map[string]error),
	}
	for ref, commit := range refs {
		switch {
		case strings.HasPrefix(ref, imagePrefix):
			name, err := refname.Decode(strings.TrimPrefix(ref, imagePrefix))
			if err != nil {
				c.strange[ref] = err
				continue
			}
			c.names[name] = commit
		case strings.HasPrefix(ref, containerPrefix):
			c.holds[strings.TrimPrefix(ref, containerPrefix)] = commit
		case strings.HasPrefix(ref, manifestPrefix):
			c.others = append(c.others, commit)
		default:
			continue
		}
		c.load(repo, commit)
	}
	return c, nil
}

func (c *catalog) load(repo *ostree.Repo, commit ostree.Checksum) {
	if _, done := c.records[commit]; done || c.broken[commit] != nil {
		return
	}
	record, err := loadRecord(repo, commit)
	if err == nil {
		err = record.markRefs(make(map[string]bool)) // which reads all of it
	}
	if err != nil {
		c.broken[commit] = err
		return
	}
	c.records[commit] = record
}

// unreadable are the images that cannot be read, as far as they are known.
func (c *catalog) unreadable() []Stored {
	found := make(map[ostree.Checksum]*Stored)
	at := func(commit ostree.Checksum) *Stored {
		if c.broken[commit] == nil {
			return &Stored{}
		}
		if found[commit] == nil {
			found[commit] = &Stored{Commit: commit.String(), Broken: c.broken[commit]}
		}
		return found[commit]
	}
	c.gather(at)
	var images []Stored
	for _, image := range found {
		image.sort()
		images = append(images, *image)
	}
	for ref, err := range c.strange {
		images = append(images, Stored{PulledAs: ref, Broken: err})
	}
	return images
}

// gather adds the names and the containers of every commit to its image, which at
// finds or makes.
func (c *catalog) gather(at func(ostree.Checksum) *Stored) {
	for name, commit := range c.names {
		image := at(commit)
		image.Names = append(image.Names, name)
	}
	for hold, commit := range c.holds {
		image := at(commit)
		image.Containers = append(image.Containers, containerOf(hold))
	}
	for _, commit := range c.others {
		at(commit)
	}
}

func (i *Stored) sort() {
	slices.Sort(i.Names)
	slices.Sort(i.Containers)
	i.Containers = slices.Compact(i.Containers)
}

// images are the images that can be read, sorted by their first name; the
// nameless come last.
func (c *catalog) images() []Stored {
	found := make(map[digest.Digest]*Stored)
	at := func(commit ostree.Checksum) *Stored {
		record, ok := c.records[commit]
		if !ok {
			return &Stored{}
		}
		if found[record.digest] == nil {
			found[record.digest] = record.stored(commit)
		}
		return found[record.digest]
	}
	c.gather(at)
	for _, commit := range c.names {
		image := at(commit)
		image.Commit, image.PulledAs = commit.String(), c.records[commit].reference
	}
	var images []Stored
	for _, image := range found {
		image.sort()
		images = append(images, *image)
	}
	slices.SortFunc(images, compareStored)
	return images
}

func compareStored(a, b Stored) int {
	if (len(a.Names) == 0) != (len(b.Names) == 0) {
		return len(b.Names) - len(a.Names)
	}
	return cmp.Or(slices.Compare(a.Names, b.Names), strings.Compare(a.Digest, b.Digest),
		strings.Compare(a.Commit, b.Commit), strings.Compare(a.PulledAs, b.PulledAs))
}

// containerOf is the container of a hold NAME/NUMBER.
func containerOf(hold string) string {
	name, _, _ := strings.Cut(hold, "/")
	return name
}

// users are the containers that hold an image, by whatever commit of it.
func (c *catalog) users(commit ostree.Checksum) []string {
	var users []string
	for hold, held := range c.holds {
		if held == commit || c.same(held, commit) {
			users = append(users, containerOf(hold))
		}
	}
	slices.Sort(users)
	return slices.Compact(users)
}

// same tells that two commits are of one image.
func (c *catalog) same(a, b ostree.Checksum) bool {
	one, ok := c.records[a]
	two, ok2 := c.records[b]
	return ok && ok2 && one.digest == two.digest
}

// stored describes an image as far as its record does.
func (r imageRecord) stored(commit ostree.Checksum) *Stored {
	image := &Stored{Digest: r.digest.String(), ID: r.id(), PulledAs: r.reference, Commit: commit.String()}
	if config, err := parseConfig(r.config); err == nil && config.Created != nil {
		image.Created = *config.Created
	}
	return image
}

// id is the digest of the image's configuration, as podman and docker name it.
func (r imageRecord) id() string {
	m, err := manifest.FromBlob(r.manifest, r.mediaType)
	if err != nil {
		return digest.FromBytes(r.config).String()
	}
	return m.ConfigInfo().Digest.String()
}
