// Package config reads syscontainer's own settings, /etc/syscontainer/config.toml.
// It is pure: bytes in, settings or an error out.
package config

import (
	"errors"
	"fmt"
	"path"

	"github.com/BurntSushi/toml"
)

// Path is where the settings are on every host.
const Path = "/etc/syscontainer/config.toml"

// Config are the settings of one host. All paths are as the host sees them.
type Config struct {
	// StateDir holds the deployments, and the repo unless Repo says otherwise.
	StateDir string `toml:"state_dir"`
	// Repo is the ostree repo. Checkouts are hard links into it, so it must be
	// on the file system of StateDir.
	Repo string `toml:"repo"`
	// Runtime is the OCI runtime that containers run with unless they ask for
	// another; "" takes the first of runc and crun that the host has.
	Runtime string `toml:"runtime"`
	// Deployments is how many deployments a container keeps: the current one, the one
	// before, and older ones.
	Deployments int `toml:"deployments"`
	// StallTimeout is for how many seconds a registry may say nothing before a pull
	// begins anew.
	StallTimeout int `toml:"stall_timeout"`
	// KeepBlobs makes pulls keep layers also as they were compressed, so that a
	// push never changes the digest of an image.
	KeepBlobs bool `toml:"keep_blobs"`
}

// Default returns the settings of a host that has none of its own.
func Default() Config {
	return Config{StateDir: "/var/lib/syscontainer", Repo: "/var/lib/syscontainer/repo", Deployments: 2, StallTimeout: 60}
}

// Parse reads the settings in data, TOML, on top of the defaults. An unknown key
// is an error: it is a typing mistake that would otherwise go unnoticed.
func Parse(data []byte) (Config, error) {
	c := Config{}
	meta, err := toml.Decode(string(data), &c)
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		return Config{}, fmt.Errorf("line %d: %s", syntax.Position.Line, syntax.Message)
	}
	if err != nil {
		return Config{}, err
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return Config{}, fmt.Errorf("unknown key %q", unknown[0].String())
	}
	return c.complete()
}

// complete fills in what was left open and checks what was not. The error joins one
// for each key that is wrong.
func (c Config) complete() (Config, error) {
	if c.StateDir == "" {
		c.StateDir = Default().StateDir
	}
	if c.Repo == "" {
		c.Repo = path.Join(c.StateDir, "repo")
	}
	if c.Deployments == 0 {
		c.Deployments = Default().Deployments
	}
	if c.StallTimeout == 0 {
		c.StallTimeout = Default().StallTimeout
	}
	if err := errors.Join(
		atLeast("deployments", 2, c.Deployments), patience("stall_timeout", c.StallTimeout), cleanPath("state_dir", &c.StateDir), cleanPath("repo", &c.Repo), cleanPath("runtime", &c.Runtime),
	); err != nil {
		return Config{}, err
	}
	return c, nil
}

// day has so many seconds: nobody means to wait longer.
const day = 24 * 60 * 60

func patience(key string, value int) error {
	if value < 1 || value > day {
		return fmt.Errorf("%s: %d is not a number of seconds from 1 to %d, a day", key, value, day)
	}
	return nil
}

func atLeast(key string, least, value int) error {
	if value < least {
		return fmt.Errorf("%s: %d is less than %d: the current one and the one before are always kept", key, value, least)
	}
	return nil
}

// cleanPath brings the path of a key into its shortest form; "" stays "".
func cleanPath(key string, value *string) error {
	if *value == "" {
		return nil
	}
	if !path.IsAbs(*value) || path.Clean(*value) == "/" {
		return fmt.Errorf("%s: %q is not an absolute path below /", key, *value)
	}
	*value = path.Clean(*value)
	return nil
}
