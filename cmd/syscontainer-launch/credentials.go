package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// copyCredentials makes the service's credentials readable for a container that
// does not begin as root: systemd gives them to the user of the unit, and that is
// root. Only a container that mounts the copy gets one. The directory above it is
// the unit's RuntimeDirectory=, so that systemd removes it when the service ends.
func (h host) copyCredentials(name string, f facts) error {
	dir := filepath.Join(h.run, "syscontainer", name, "credentials")
	if !slices.Contains(f.Mounts, dir) {
		return nil
	}
	if err := h.copyCredentialsTo(dir, f); err != nil {
		return fmt.Errorf("giving the container its credentials: %w", err)
	}
	return nil
}

func (h host) copyCredentialsTo(dir string, f facts) error {
	source := h.variable("CREDENTIALS_DIRECTORY")
	if source == "" {
		return errors.New("systemd has set no CREDENTIALS_DIRECTORY")
	}
	entries, err := os.ReadDir(source)
	if err != nil {
		return err
	}
	// What a start that was killed has left may belong to another user.
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(source, entry.Name()))
		if err != nil {
			return err
		}
		if err := writeOwned(filepath.Join(dir, entry.Name()), data, f); err != nil {
			return err
		}
	}
	return own(dir, 0o500, f)
}

func writeOwned(file string, data []byte, f facts) error {
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return err
	}
	return own(file, 0o400, f)
}

// own hands a file over, which nobody else can read before or after.
func own(file string, mode os.FileMode, f facts) error {
	if err := os.Chown(file, f.UID, f.GID); err != nil {
		return err
	}
	return os.Chmod(file, mode)
}
