package imagestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	istorage "github.com/containers/image/v5/storage"
	"github.com/containers/image/v5/types"
	"github.com/containers/storage"
	storagetypes "github.com/containers/storage/types"
)

const (
	storageFile = "etc/containers/storage.conf"

	// What podman and buildah use where storage.conf does not say.
	storageDriver    = "overlay"
	storageGraphRoot = "/var/lib/containers/storage"
	storageRunRoot   = "/run/containers/storage"
)

// parseStorage reads a reference behind containers-storage:. Without a store in
// brackets it is about the one of the host, or of the root directory. A store that
// is not there is not made.
func (s *system) parseStorage(text string) (types.ImageReference, error) {
	if strings.HasPrefix(text, "[") {
		if err := checkStorage(graphRootOf(text)); err != nil {
			return nil, err
		}
		return istorage.Transport.ParseReference(text)
	}
	store, err := s.openStorage()
	if err != nil {
		return nil, err
	}
	return istorage.Transport.ParseStoreReference(store, text)
}

// graphRootOf is the folder in a reference [DRIVER@FOLDER+RUN:OPTIONS]NAME.
func graphRootOf(text string) string {
	spec, _, _ := strings.Cut(strings.TrimPrefix(text, "["), "]")
	if _, folder, found := strings.Cut(spec, "@"); found {
		spec = folder
	}
	spec, _, _ = strings.Cut(spec, ":")
	spec, _, _ = strings.Cut(spec, "+")
	return spec
}

func checkStorage(folder string) error {
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: there is no container storage at %s", ErrUnknown, folder)
	}
	return nil
}

// openStorage opens the store that storage.conf names, once for a call.
func (s *system) openStorage() (storage.Store, error) {
	if s.storage != nil {
		return s.storage, nil
	}
	options, err := s.storageOptions()
	if err != nil {
		return nil, fmt.Errorf("reading storage.conf: %w", err)
	}
	if err := checkStorage(options.GraphRoot); err != nil {
		return nil, err
	}
	if s.storage, err = storage.GetStore(options); err != nil {
		return nil, fmt.Errorf("opening the container storage at %s: %w", options.GraphRoot, err)
	}
	return s.storage, nil
}

// storageOptions are the host's, or those below the root directory, whose paths
// are below it as well.
func (s *system) storageOptions() (storage.StoreOptions, error) {
	if s.root == "" {
		return storage.DefaultStoreOptions()
	}
	options := storage.StoreOptions{}
	file, err := below(s.root, storageFile)
	if err != nil {
		return options, err
	}
	if _, err := os.Stat(file); err == nil {
		if err := storagetypes.ReloadConfigurationFile(file, &options); err != nil {
			return options, err
		}
	}
	for _, part := range []struct {
		value    *string
		standard string
	}{
		{&options.GraphDriverName, storageDriver}, {&options.GraphRoot, storageGraphRoot}, {&options.RunRoot, storageRunRoot},
	} {
		if *part.value == "" {
			*part.value = part.standard
		}
	}
	err = moveBelow(&options, s.root)
	return options, err
}

// moveBelow puts the directories of a storage below root.
func moveBelow(options *storage.StoreOptions, root string) (err error) {
	paths := []*string{&options.GraphRoot, &options.RunRoot}
	if options.ImageStore != "" {
		paths = append(paths, &options.ImageStore)
	}
	for _, path := range paths {
		if *path, err = below(root, *path); err != nil {
			return err
		}
	}
	for i, option := range options.GraphDriverOptions {
		key, path, _ := strings.Cut(option, "=")
		if !strings.HasSuffix(key, ".imagestore") {
			continue
		}
		if path, err = below(root, path); err != nil {
			return err
		}
		options.GraphDriverOptions[i] = key + "=" + path
	}
	return nil
}

// closeStorage ends what opening a store mounted. Where containers run it stays.
func closeStorage(store storage.Store) error {
	if _, err := store.Shutdown(false); err != nil && !errors.Is(err, storage.ErrLayerUsedByContainer) {
		return fmt.Errorf("closing the container storage: %w", err)
	}
	return nil
}
