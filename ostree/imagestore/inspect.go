package imagestore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containers/image/v5/image"
	"github.com/containers/image/v5/manifest"
	"github.com/containers/image/v5/transports"
	"github.com/containers/image/v5/types"
	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/ostree"
)

// Inspection is what an image says of itself. Its JSON is what `inspect --json`
// prints; keys are never renamed.
type Inspection struct {
	Reference string `json:"reference"`
	// Local tells that the image is in the repo.
	Local bool   `json:"local"`
	ID    string `json:"id"`
	// Digest is that of the image's own manifest, IndexDigest that of the list
	// that it was chosen from.
	Digest      string     `json:"digest"`
	IndexDigest string     `json:"index_digest,omitempty"`
	MediaType   string     `json:"media_type"`
	Platform    string     `json:"platform"`
	Platforms   []string   `json:"platforms"` // that the list has, sorted; else the one
	Created     *time.Time `json:"created,omitempty"`
	Size        int64      `json:"size"` // of the layers, as they are served

	Layers       []LayerInfo       `json:"layers"`
	Labels       map[string]string `json:"labels"`
	Env          []string          `json:"env"`
	Entrypoint   []string          `json:"entrypoint"`
	Cmd          []string          `json:"cmd"`
	User         string            `json:"user"`
	WorkingDir   string            `json:"working_dir"`
	ExposedPorts []string          `json:"exposed_ports"`
	Volumes      []string          `json:"volumes"`
	StopSignal   string            `json:"stop_signal"`
	Names        []string          `json:"names,omitempty"`      // in the repo
	Containers   []string          `json:"containers,omitempty"` // that use it
	Commit       string            `json:"commit,omitempty"`
}

// LayerInfo is a layer as its manifest names it.
type LayerInfo struct {
	Digest    string `json:"digest"`
	DiffID    string `json:"diff_id"`
	MediaType string `json:"media_type"`
	Size      int64  `json:"size"`
	// Skipped counts the devices, fifos and sockets that were left out. It is known
	// of layers in the repo.
	Skipped int `json:"skipped,omitempty"`
}

// Inspect describes an image: from the repo when it is there (see Find), else as
// InspectRemote does.
func (s *Store) Inspect(ctx context.Context, reference string) (*Inspection, error) {
	img, err := s.Find(ctx, reference)
	if err == nil {
		return s.inspectLocal(ctx, img)
	}
	if !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	return s.InspectRemote(ctx, reference)
}

// InspectRemote describes an image as the registry or file has it, of which only
// manifest and configuration are fetched, whatever the repo has. Of an image that
// is not for this host there are only the platforms.
func (s *Store) InspectRemote(ctx context.Context, reference string) (*Inspection, error) {
	sys, err := s.newSystem()
	if err != nil {
		return nil, &PullError{Reference: reference, Err: err, verb: "inspecting"}
	}
	defer sys.close()
	found, err := s.inspectAny(ctx, sys, reference)
	var failed *PullError
	if errors.As(err, &failed) {
		failed.verb = "inspecting" // before the text is made
	}
	return found, sys.original(err)
}

func (s *Store) inspectLocal(ctx context.Context, img Image) (*Inspection, error) {
	repo, err := ostree.Open(ctx, s.options.Repo)
	if err != nil {
		return nil, err
	}
	defer repo.Close()
	commit, err := ostree.ParseChecksum(img.Commit)
	if err != nil {
		return nil, err
	}
	c, err := readCatalog(ctx, repo)
	if err != nil {
		return nil, err
	}
	c.load(repo, commit)
	record, ok := c.records[commit]
	if !ok {
		return nil, fmt.Errorf("inspecting %q: %w", img.Reference, c.broken[commit])
	}
	i := &Inspection{Reference: img.Reference, Local: true, IndexDigest: record.index.String(), Commit: img.Commit}
	for _, stored := range c.images() {
		if stored.Digest == img.Digest {
			i.Names, i.Containers = stored.Names, stored.Containers
		}
	}
	if err := i.describe(record.manifest, record.mediaType, record.config); err != nil {
		return nil, err
	}
	return i, countSkipped(repo, i.Layers)
}

// countSkipped looks up what was left out of layers. An image outlives the refs of
// its layers; then it is not known.
func countSkipped(repo *ostree.Repo, layers []LayerInfo) error {
	for n := range layers {
		commit, found, err := refOrNone(repo, digestRef(layerPrefix, digest.Digest(layers[n].DiffID)))
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		c, err := repo.LoadCommit(commit, keySkipped)
		if err != nil {
			return err
		}
		layers[n].Skipped, _ = strconv.Atoi(string(c.Value(keySkipped))) // an older version may have said nothing
	}
	return nil
}

// inspectAny looks at the first of the places that a reference can mean.
func (s *Store) inspectAny(ctx context.Context, sys *system, reference string) (*Inspection, error) {
	refs, err := sys.resolve(reference)
	if err != nil {
		return nil, pullError(reference, err)
	}
	var errs []error
	for _, ref := range refs {
		i, err := s.inspectSource(ctx, sys.SystemContext, ref)
		if err == nil {
			return i, nil
		}
		errs = append(errs, pullError(transports.ImageName(ref), err))
		if ctx.Err() != nil {
			break
		}
	}
	if len(errs) == 1 {
		return nil, errs[0]
	}
	return nil, errors.Join(errs...)
}

// inspectSource asks once and no more: somebody waits, and can ask again.
func (s *Store) inspectSource(ctx context.Context, sys *types.SystemContext, ref types.ImageReference) (i *Inspection, err error) {
	ctx, g := newGuard(ctx, ref, cmp.Or(s.options.StallTimeout, DefaultStallTimeout))
	defer g.close()
	defer func() { _, err = g.explain(ctx, err) }()
	source, err := (&sourceRef{ImageReference: ref, guard: g}).NewImageSource(ctx, sys)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	return readSource(ctx, sys, ref, source)
}

func readSource(ctx context.Context, sys *types.SystemContext, ref types.ImageReference, source types.ImageSource) (i *Inspection, err error) {
	raw, mediaType, err := source.GetManifest(ctx, nil)
	if err != nil {
		return nil, err
	}
	if err := checkManifest(raw, mediaType); err != nil {
		return nil, err
	}
	i = &Inspection{Reference: canonical(ref)}
	var instance *digest.Digest
	if manifest.MIMETypeIsMultiImage(mediaType) {
		if instance, err = i.choose(sys, raw, mediaType); err != nil || instance == nil {
			return i, err
		}
		if raw, mediaType, err = source.GetManifest(ctx, instance); err != nil {
			return nil, err
		}
	}
	img, err := image.FromUnparsedImage(ctx, sys, image.UnparsedInstance(source, instance))
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigBlob(ctx)
	if err != nil {
		return nil, err
	}
	return i, i.describe(raw, mediaType, config)
}

// choose describes a list and takes the image for this host from it; nil when
// there is none.
func (i *Inspection) choose(sys *types.SystemContext, raw []byte, mediaType string) (*digest.Digest, error) {
	list, err := manifest.ListFromBlob(raw, mediaType)
	if err != nil {
		return nil, badImage("reading the list of images: %w", err)
	}
	sum, err := manifest.Digest(raw)
	if err != nil {
		return nil, badImage("reading the list of images: %w", err)
	}
	i.Platforms, i.IndexDigest = platforms(raw), sum.String()
	chosen, err := list.ChooseInstance(sys)
	if err != nil {
		i.MediaType, i.Digest = mediaType, sum.String()
		return nil, nil //nolint:nilerr // an image for another host is described as far as it goes
	}
	if err := chosen.Validate(); err != nil {
		return nil, badImage("reading the list of images: digest %q: %w", chosen, err)
	}
	return &chosen, nil
}

// platforms are those of a list's images, sorted. OCI and docker write them alike.
func platforms(list []byte) []string {
	var index imgspec.Index
	if json.Unmarshal(list, &index) != nil {
		return nil
	}
	var there []string
	for _, m := range index.Manifests {
		if m.Platform != nil {
			there = append(there, platform(m.Platform))
		}
	}
	slices.Sort(there)
	return slices.Compact(there)
}

// describe fills in what manifest and configuration say.
func (i *Inspection) describe(raw []byte, mediaType string, configBlob []byte) error {
	m, err := manifest.FromBlob(raw, mediaType)
	if err != nil {
		return badImage("reading the manifest: %w", err)
	}
	sum, err := manifest.Digest(raw)
	if err != nil {
		return badImage("reading the manifest: %w", err)
	}
	config, err := parseConfig(configBlob)
	if err != nil {
		return err
	}
	i.Digest, i.ID, i.MediaType = sum.String(), m.ConfigInfo().Digest.String(), mediaType
	i.Platform, i.Created = strings.Trim(platform(&config.Platform), "/"), config.Created
	if len(i.Platforms) == 0 && i.Platform != "" {
		i.Platforms = []string{i.Platform}
	}
	for n, l := range m.LayerInfos() {
		layer := LayerInfo{Digest: l.Digest.String(), MediaType: l.MediaType, Size: l.Size}
		if n < len(config.RootFS.DiffIDs) {
			layer.DiffID = config.RootFS.DiffIDs[n].String()
		}
		i.Layers, i.Size = append(i.Layers, layer), i.Size+l.Size
	}
	c := config.Config
	i.Labels, i.Env, i.Entrypoint, i.Cmd = c.Labels, c.Env, c.Entrypoint, c.Cmd
	i.User, i.WorkingDir, i.StopSignal = c.User, c.WorkingDir, c.StopSignal
	i.ExposedPorts = slices.Sorted(maps.Keys(c.ExposedPorts))
	i.Volumes = slices.Sorted(maps.Keys(c.Volumes))
	return nil
}

// MarshalJSON writes empty lists as such, never as null.
func (i Inspection) MarshalJSON() ([]byte, error) {
	for _, list := range []*[]string{&i.Platforms, &i.Env, &i.Entrypoint, &i.Cmd, &i.ExposedPorts, &i.Volumes} {
		if *list == nil {
			*list = []string{}
		}
	}
	if i.Layers == nil {
		i.Layers = []LayerInfo{}
	}
	if i.Labels == nil {
		i.Labels = map[string]string{}
	}
	type plain Inspection
	return json.Marshal(plain(i))
}
