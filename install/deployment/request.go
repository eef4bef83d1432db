package deployment

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/templates"
	"github.com/syscontainer/syscontainer/unitgen"
)

// Request is what a user wants a container to be.
type Request struct {
	Image     string            // any reference that the image store resolves
	Name      string            // "" derives it from Image
	Values    map[string]string // that the user sets
	Exposed   map[string]string // of those, which others could read where they were given: advice about each
	Carried   map[string]string // secrets of the deployment before, which the user does not set anew
	Runtime   string            // path of an OCI runtime; "" leaves the choice
	Relations Relations         // to add to what the image's unit says
	NoEnable  bool              // leave the unit disabled
	DryRun    bool              // plan, and change nothing
}

// ContainerName returns the name that the container will have.
func (r Request) ContainerName() (string, error) {
	name := r.Name
	if name == "" {
		name = DefaultName(r.Image)
	}
	err := unitgen.CheckName(name)
	switch {
	case err == nil:
		return name, nil
	case r.Name == "":
		return "", &hint.UsageError{Err: hint.Add(fmt.Errorf("naming the container after the image: %w", err), "give it a name with --name")}
	}
	return "", &hint.UsageError{Err: err}
}

// Check refuses a request that could not be fulfilled with any image, for a container
// of that name.
func (r Request) Check(name string) error {
	var wrong []error
	for _, variable := range slices.Sorted(maps.Keys(r.Values)) {
		if templates.IsForced(variable) {
			wrong = append(wrong, fmt.Errorf("--set %s: that variable is syscontainer's own", variable))
		}
	}
	if other, ok := r.Values["RUNTIME"]; ok && r.Runtime != "" && other != r.Runtime {
		wrong = append(wrong, errors.New("--runtime and --set RUNTIME name different programs"))
	}
	for _, unit := range slices.Concat(r.Relations.After, r.Relations.Before, r.Relations.Requires, r.Relations.Wants) {
		wrong = append(wrong, unitgen.CheckUnitName(unit))
		if unit == UnitName(name) {
			wrong = append(wrong, fmt.Errorf("%s cannot come before or after itself", unit))
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return &hint.UsageError{Err: err}
	}
	return nil
}

// setValues returns the user's values with the runtime among them, where it was
// given: --runtime is another way to say --set RUNTIME=.
func (r Request) setValues() map[string]string {
	set := map[string]string{}
	maps.Copy(set, r.Carried)
	maps.Copy(set, r.Values)
	if r.Runtime != "" {
		set["RUNTIME"] = r.Runtime
	}
	return set
}

// DefaultName derives a container's name from an image reference: the last path
// element without its digest, and -TAG when the tag is not latest.
func DefaultName(reference string) string {
	name, _, _ := strings.Cut(reference, "@")
	if transport, rest, ok := strings.Cut(name, ":"); ok && isTransport(transport, rest) {
		name = strings.TrimPrefix(rest, "//")
	}
	base, tag, _ := strings.Cut(path.Base(strings.TrimRight(name, "/")), ":")
	base = strings.TrimSuffix(strings.TrimSuffix(base, ".tar"), ".oci")
	if tag == "" || tag == "latest" {
		return base
	}
	// A transport like oci-archive: may carry a whole reference behind its path.
	if strings.Contains(tag, ":") {
		return DefaultName(tag)
	}
	return base + "-" + tag
}

// isTransport tells "docker://host/name" and "oci:dir" from "name:tag".
func isTransport(prefix, rest string) bool {
	if strings.HasPrefix(rest, "//") {
		return true
	}
	switch prefix {
	case "oci", "oci-archive", "docker-archive", "docker-daemon", "dir", "containers-storage", "sif":
		return true
	}
	return false
}

// Assignments reads --set arguments of the form NAME=value; a later one wins.
func Assignments(args []string) (map[string]string, error) {
	values := map[string]string{}
	var wrong []error
	for i, arg := range args {
		name, value, err := templates.ParseAssignment(arg)
		if errors.Is(err, templates.ErrAssignment) {
			err = fmt.Errorf("what is given as number %d is %w", i+1, err)
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("--set: %w", err))
			continue
		}
		values[name] = value
	}
	if len(wrong) > 0 {
		return nil, &hint.UsageError{Err: errors.Join(wrong...)}
	}
	return values, nil
}
