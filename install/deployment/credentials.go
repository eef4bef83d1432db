package deployment

import (
	"errors"
	"fmt"
	"path"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/syscontainer/syscontainer/runcspec"
	"github.com/syscontainer/syscontainer/templates"
	"github.com/syscontainer/syscontainer/unitgen"
)

// A secret is a file of the deployment that only root can read. systemd copies it
// to memory when the service starts (LoadCredential=), where the container has it
// mounted. Its value is in no unit, no configuration, no record and no environment.

// IsCredential reports whether a file of a deployment holds a secret.
func IsCredential(file string) bool { return path.Dir(file) == credentialsDir }

// credentials are where the container finds its secrets.
func (c *compiler) credentials() runcspec.Credentials {
	if len(c.secrets) == 0 {
		return runcspec.Credentials{}
	}
	return runcspec.Credentials{Directory: credentialsPath(c.Name), Copy: ownCredentialsPath(c.Name)}
}

// addCredentials plans the files of the secrets and what the drop-in has of them.
func (c *compiler) addCredentials(d *unitgen.DropInSpec, spec *specs.Spec) {
	for _, name := range c.secretNames() {
		file := path.Join(credentialsDir, name)
		c.stageFile(file, []byte(c.secrets[name]), 0o600)
		d.Credentials = append(d.Credentials, unitgen.Credential{Name: name, Path: path.Join(c.destDir(), file)})
	}
	if len(c.secrets) > 0 && !runcspec.RunsAsRoot(spec) {
		d.RuntimeDirectory = serviceRunDir(c.Name)
	}
}

// errNoContainer refuses an image without a container that has secrets to give to one,
// or a health check to run in it.
func (c *compiler) errNoContainer() error {
	var errs []error
	if len(c.secrets) > 0 {
		errs = append(errs, fmt.Errorf("%s runs no container that could read the secret %s", c.Image.Reference, strings.Join(c.secretNames(), ", ")))
	}
	if c.health != nil {
		errs = append(errs, fmt.Errorf("reading %s of %s: %w", manifestFile, c.Image.Reference,
			&templates.ManifestError{Key: "healthCheck", Reason: "there is no container in which it could be run"}))
	}
	return errors.Join(errs...)
}
