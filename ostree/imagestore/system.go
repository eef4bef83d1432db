package imagestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/containers/image/v5/docker"
	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/pkg/shortnames"
	"github.com/containers/image/v5/pkg/sysregistriesv2"
	istorage "github.com/containers/image/v5/storage"
	"github.com/containers/image/v5/transports"
	"github.com/containers/image/v5/transports/alltransports"
	"github.com/containers/image/v5/types"
	"github.com/containers/storage"
)

const (
	aliasFile = "var/cache/containers/short-name-aliases.conf"

	// noCacheDir cannot be made, which is how containers/image is told to keep
	// its cache of blob locations in memory: the repo's refs are our cache.
	noCacheDir = "/dev/null/no-cache"
)

// system is containers/image's view of the host, for one call.
type system struct {
	*types.SystemContext
	root       string
	rootPolicy string // the policy.json of root, with paths below it
	scratch    *scratch
	storage    storage.Store // opened by the first containers-storage: reference
}

// newSystem points containers/image at the files of the host, or of the root
// directory, and at nothing that it would write to. The caller closes it.
func (s *Store) newSystem() (*system, error) {
	o := s.options
	scratch, err := newScratch(o.TempDir)
	if err != nil {
		return nil, err
	}
	if err := sweepScratch(filepath.Dir(scratch.dir)); err != nil {
		s.log.Warn("tidying up", "error", err)
	}
	sys := &system{root: o.Root, scratch: scratch, SystemContext: &types.SystemContext{
		SignaturePolicyPath:     o.PolicyPath,
		AuthFilePath:            o.AuthFile,
		BigFilesTemporaryDir:    scratch.dir,
		BlobInfoCacheDir:        noCacheDir,
		DockerRegistryUserAgent: "syscontainer",
	}}
	err = sys.copyAliases()
	if err == nil && o.Root != "" {
		err = sys.stayBelow()
	}
	if err != nil {
		return nil, errors.Join(err, sys.close())
	}
	return sys, nil
}

// aliasSource says where short names are looked up.
func (s *system) aliasSource() string {
	if s.root == "" {
		return sysregistriesv2.ConfigurationSourceDescription(s.SystemContext)
	}
	return fmt.Sprintf("%q and %q", filepath.Join(s.root, registriesFile), filepath.Join(s.root, registriesDir))
}

// copyAliases lets short names be looked up in a copy of the recorded aliases:
// the library takes a lock beside the file, and makes the folder for it.
func (s *system) copyAliases() error {
	s.UserShortNameAliasConfPath = filepath.Join(s.scratch.dir, "aliases.conf")
	recorded, err := below(s.root, aliasFile)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(recorded)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the short-name aliases: %w", err)
	}
	if err := os.WriteFile(s.UserShortNameAliasConfPath, text, 0o600); err != nil {
		return fmt.Errorf("copying the short-name aliases: %w", err)
	}
	return nil
}

// original has an error name the root's files, where the library names those that were collected of them.
func (s *system) original(err error) error {
	if err == nil || s.root == "" {
		return err
	}
	text := strings.NewReplacer(
		s.SystemRegistriesConfDirPath, filepath.Join(s.root, registriesDir),
		s.RegistriesDirPath, filepath.Join(s.root, signaturesDir),
	).Replace(err.Error())
	return &reworded{text: text, err: err}
}

func (s *system) close() error {
	var err error
	if s.storage != nil {
		err = closeStorage(s.storage)
	}
	return errors.Join(err, s.scratch.close())
}

// resolve turns what a user typed into the references to try, in order.
func (s *system) resolve(text string) ([]types.ImageReference, error) {
	if t := alltransports.TransportFromImageName(text); t != nil {
		text, err := absolute(t.Name(), text)
		if err != nil {
			return nil, err
		}
		ref, err := s.parse(t, text)
		if err != nil {
			return nil, err
		}
		return []types.ImageReference{ref}, nil
	}
	if strings.HasPrefix(text, digestPrefix) && isPrefix(text) {
		return nil, fmt.Errorf("%w: only images of the repo are found by ID or digest", ErrUnknown)
	}
	if IsPath(text) {
		return nil, fmt.Errorf("a path needs its transport, as in oci-archive:%[1]s, docker-archive:%[1]s or oci:%[1]s", text)
	}
	names, err := s.shortNames(text)
	if err != nil {
		return nil, err
	}
	var refs []types.ImageReference
	for _, name := range names {
		ref, err := dockerReference(name)
		if err != nil {
			return nil, err
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// IsPath tells that what people give for an image can only be a file or a directory.
func IsPath(text string) bool {
	return strings.HasPrefix(text, "/") || strings.HasPrefix(text, "./") || strings.HasPrefix(text, "../")
}

// parse reads a reference with a transport.
func (s *system) parse(t types.ImageTransport, text string) (types.ImageReference, error) {
	rest := strings.TrimPrefix(text, t.Name()+":")
	switch t.Name() {
	case docker.Transport.Name():
		name, err := reference.ParseNormalizedNamed(strings.TrimPrefix(rest, "//"))
		if err == nil && strings.HasPrefix(rest, "//") {
			return dockerReference(name)
		}
	case istorage.Transport.Name():
		return s.parseStorage(rest)
	}
	return alltransports.ParseImageName(text)
}

// absolute makes the path of a file transport absolute: the reference is kept,
// and used again from elsewhere.
func absolute(transport, text string) (string, error) {
	prefix := transport + ":"
	rest := strings.TrimPrefix(text, prefix)
	switch transport {
	case "oci", "oci-archive", "docker-archive", "dir":
		path, _ := splitPath(transport, rest)
		switch {
		case path == "":
			return "", ErrNoPath
		case filepath.IsAbs(path):
			return text, nil
		}
		cwd, err := os.Getwd()
		return prefix + filepath.Join(cwd, rest), err
	}
	return text, nil
}

// dockerReference drops the tag when there is a digest: the digest decides.
func dockerReference(name reference.Named) (types.ImageReference, error) {
	if digested, ok := name.(reference.Digested); ok {
		canonical, err := reference.WithDigest(reference.TrimNamed(name), digested.Digest())
		if err != nil {
			return nil, err
		}
		name = canonical
	}
	return docker.NewReference(reference.TagNameOnly(name))
}

// shortNames asks registries.conf what a name without a registry means. It never
// asks the user: where the host demands a choice and there is no alias, that is
// an error.
func (s *system) shortNames(text string) ([]reference.Named, error) {
	mode, err := sysregistriesv2.GetShortNameMode(s.SystemContext)
	if err != nil {
		return nil, err
	}
	noPrompt, disabled := *s.SystemContext, types.ShortNameModeDisabled
	noPrompt.ShortNameMode = &disabled
	resolved, err := shortnames.Resolve(&noPrompt, text)
	if err != nil {
		if !shortnames.IsShortName(text) {
			return nil, err
		}
		if s.SystemRegistriesConfPath == os.DevNull && strings.Contains(err.Error(), os.DevNull) {
			err = fmt.Errorf("%q is no alias, and there are no registries to search", text)
		}
		return nil, fmt.Errorf("%w: %w (looked at %s; add an alias there, or give the whole name)", ErrShortName, err, s.aliasSource())
	}
	var names []reference.Named
	var texts []string
	for _, candidate := range resolved.PullCandidates {
		names, texts = append(names, candidate.Value), append(texts, candidate.Value.String())
	}
	if mode == types.ShortNameModeEnforcing && len(names) > 1 {
		return nil, fmt.Errorf("%w: %q could be %s, and registries.conf says to ask (looked at %s; add an alias there, or give the whole name)",
			ErrShortName, text, strings.Join(texts, " or "), s.aliasSource())
	}
	return names, nil
}

// canonical is how a reference is stored.
func canonical(ref types.ImageReference) string { return transports.ImageName(ref) }
