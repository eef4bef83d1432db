package install

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/drift"
)

// repairRendered makes the files of the deployment anew that are not as they were
// rendered, and removes those that nobody knows of. While any cannot be made, nothing is
// removed: it may be the record that is damaged.
func (r *repair) repairRendered(ctx context.Context, v *Verification) error {
	dir := r.Paths.Deployment(v.Name, v.Deployment)
	var errs []error
	var again rendering
	for _, f := range renderedFiles(v.record) {
		p := path.Join(dir, f.Source)
		if !differs(v, drift.Deployment, p) {
			continue
		}
		data, err := r.copyOf(v.record, f, p)
		if errors.Is(err, errNoCopy) {
			data, err = again.file(f, func() (map[string][]byte, error) { return r.compileAgain(ctx, v.record) })
		}
		if err == nil {
			err = r.rewrite(p, data, f.Mode)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("making %s anew: %w", p, err))
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	return r.removeOthers(v)
}

// errNoCopy says that what was rendered is nowhere else.
var errNoCopy = errors.New("there is no copy of it")

// rendering is a deployment's files, rendered once more when somebody asks for one.
type rendering struct {
	done  bool
	files map[string][]byte
	err   error
}

// file is one of them, as it was recorded.
func (g *rendering) file(f deployment.HostFile, render func() (map[string][]byte, error)) ([]byte, error) {
	if !g.done {
		g.files, g.err = render()
		g.done = true
	}
	if g.err != nil {
		return nil, g.err
	}
	data := g.files[f.Source]
	if deployment.Checksum(data) != f.SHA256 {
		return nil, errors.New("it would be another one now: the host, or this program, has changed since")
	}
	return data, nil
}

// differs reports whether anything at a path is not as it was.
func differs(v *Verification, place drift.Place, p string) bool {
	return slices.ContainsFunc(v.Differences, func(d drift.Difference) bool { return d.Place == place && d.Path == p })
}

// copyOf is the content of a file that was rendered: its own, where only the owner or
// the mode differ, or that of the host file that was copied from it.
func (r *repair) copyOf(record *deployment.Record, f deployment.HostFile, own string) ([]byte, error) {
	candidates := []string{own}
	for _, host := range record.Files {
		if host.Source == f.Source {
			candidates = append(candidates, host.Path)
		}
	}
	if deployment.IsCredential(f.Source) {
		data, err := r.Tree.ReadFile(own)
		if err != nil {
			err = fmt.Errorf("nothing else holds the secret; give it again: %w", err)
		}
		return data, err
	}
	for _, candidate := range candidates {
		if data, err := r.Tree.ReadFile(candidate); err == nil && deployment.Checksum(data) == f.SHA256 {
			return data, nil
		}
	}
	return nil, errNoCopy
}

// compileAgain renders the files of a deployment from its record. They are what they
// were as long as the host's nature is.
func (r *repair) compileAgain(ctx context.Context, record *deployment.Record) (map[string][]byte, error) {
	secrets, err := r.secretsOf(record)
	if err != nil {
		return nil, err
	}
	req, err := record.Next(deployment.Changes{}, secrets)
	if err != nil {
		return nil, err
	}
	image, err := r.Images.Find(ctx, record.Image.Digest)
	if err != nil {
		return nil, err
	}
	image.Reference, image.Commit = record.Image.Reference, record.Image.Commit
	files, err := r.Images.Files(ctx, image.Commit)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	input, err := r.inputAfter(record, image, req)
	if err != nil {
		return nil, err
	}
	input.Files = files
	input.Facts.Deployment, input.Facts.Now = record.Deployment, record.Created
	plan, err := deployment.Compile(input)
	if err != nil {
		return nil, err
	}
	rendered := map[string][]byte{}
	for _, f := range plan.Rendered {
		rendered[f.Path] = f.Data
	}
	return rendered, nil
}

// rewrite replaces a file of the deployment.
func (r *repair) rewrite(p string, data []byte, mode deployment.Mode) error {
	if _, err := r.Tree.MkdirAll(path.Dir(p), statePerm); err != nil {
		return err
	}
	return r.overwrite(p, data, mode.FileMode())
}

// removeOthers removes what the deployment has and nobody knows of.
func (r *repair) removeOthers(v *Verification) error {
	var errs []error
	for _, d := range v.Differences {
		if d.Place == drift.Deployment && d.Aspect == drift.Extra {
			errs = append(errs, r.Tree.RemoveAll(d.Path))
		}
	}
	return errors.Join(errs...)
}
