package imagestore

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	securejoin "github.com/cyphar/filepath-securejoin"
	"golang.org/x/sys/unix"
)

const (
	registriesFile = "etc/containers/registries.conf"
	registriesDir  = "etc/containers/registries.conf.d"
	signaturesDir  = "etc/containers/registries.d"
)

// below is where a path of the host is on the disk, whose symbolic links lead to
// where they lead that host: nothing out of its root directory, which may be "" for
// the running host.
func below(root, path string) (string, error) {
	if root == "" {
		return filepath.Join("/", path), nil
	}
	found, err := securejoin.SecureJoin(root, path)
	if err != nil {
		return "", fmt.Errorf("resolving %s below %s: %w", path, root, err)
	}
	return found, nil
}

// stayBelow takes the root's files in place of the host's, and of those in the home
// directory of whoever calls.
func (s *system) stayBelow() (err error) {
	if s.SystemRegistriesConfPath, err = below(s.root, registriesFile); err != nil {
		return err
	}
	if _, err := os.Stat(s.SystemRegistriesConfPath); errors.Is(err, fs.ErrNotExist) {
		s.SystemRegistriesConfPath = os.DevNull // for the library a path that was given has to exist
	}
	if s.rootPolicy, err = below(s.root, policyFile); err != nil {
		return err
	}
	s.SignaturePolicyPath = cmp.Or(s.SignaturePolicyPath, s.rootPolicy)
	into := func(name string) string { return filepath.Join(s.scratch.dir, name) }
	s.SystemRegistriesConfDirPath, s.RegistriesDirPath = into("registries.conf.d"), into("registries.d")
	s.DockerPerHostCertDirPath, s.RootForImplicitAbsolutePaths = into("certs.d"), into("root")
	credentials := fmt.Sprintf("run/containers/%d", os.Getuid())
	return errors.Join(
		s.collect(registriesDir, s.SystemRegistriesConfDirPath),
		s.collect(signaturesDir, s.RegistriesDirPath),
		s.collectCertificates("etc/containers/certs.d"),
		s.collectCertificates("etc/docker/certs.d"),
		s.collect(credentials, filepath.Join(s.RootForImplicitAbsolutePaths, credentials)),
	)
}

// collect makes a directory with links to the files that a directory of the root has.
// The library opens them by their names, and would follow links of the root to the
// running host.
func (s *system) collect(dir, into string) error {
	names, err := s.names(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(into, 0o700); err != nil {
		return fmt.Errorf("collecting settings: %w", err)
	}
	for _, name := range names {
		target, err := below(s.root, filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if err := os.Symlink(target, filepath.Join(into, name)); err != nil {
			return fmt.Errorf("collecting settings: %w", err)
		}
	}
	return nil
}

// collectCertificates collects what each registry has there, unless that was found
// elsewhere.
func (s *system) collectCertificates(dir string) error {
	hosts, err := s.names(dir)
	if err != nil {
		return err
	}
	for _, host := range hosts {
		into := filepath.Join(s.DockerPerHostCertDirPath, host)
		if _, err := os.Lstat(into); err == nil {
			continue
		}
		if err := s.collect(filepath.Join(dir, host), into); err != nil {
			return err
		}
	}
	return nil
}

// names are the names in a directory of the root; none where there is no directory.
func (s *system) names(dir string) (names []string, err error) {
	path, err := below(s.root, dir)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTDIR) {
		return nil, fmt.Errorf("collecting settings: %w", err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names, nil
}
