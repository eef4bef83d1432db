package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"time"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hosttree"
	"github.com/syscontainer/syscontainer/install/hostunits"
	"github.com/syscontainer/syscontainer/unitgen"
	"github.com/syscontainer/syscontainer/unitgen/order"
)

// planFirst compiles the installation of image.
func (in *Installer) planFirst(ctx context.Context, name string, image deployment.Image, req deployment.Request) (*deployment.Plan, error) {
	files, err := in.Images.Files(ctx, image.Commit)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	facts, err := in.gather(name)
	if err != nil {
		return nil, err
	}
	facts.Units = in.hostUnits()
	plan, err := deployment.Compile(deployment.Input{Name: name, Image: image, Files: files, Request: req, Facts: facts})
	if err != nil {
		return nil, err
	}
	plan.Download = image.Fetched
	return plan, in.outline(ctx, name, plan, files)
}

// gather reads what compile needs to know of the host, but for its units.
func (in *Installer) gather(name string) (deployment.Facts, error) {
	owners, err := in.owners(name)
	if err != nil {
		return deployment.Facts{}, err
	}
	h, err := in.readHistory(name)
	if err != nil {
		return deployment.Facts{}, err
	}
	next, err := h.next()
	if err != nil {
		return deployment.Facts{}, err
	}
	return deployment.Facts{
		Host:       in.Host,
		Paths:      in.Paths,
		Tree:       in.Tree,
		Deployment: next,
		Now:        in.Now().UTC().Truncate(time.Second),
		Generated:  map[string]string{"UUID": in.NewUUID()},
		Runtime:    in.defaultRuntime(),
		Owners:     owners,
	}, nil
}

// hostUnits reads the units of the host, which takes longer than all else that a plan
// needs: whoever plans nothing that could change their order does without.
func (in *Installer) hostUnits() []order.Dir {
	units, warnings := hostunits.Read(in.Tree)
	for _, warning := range warnings {
		in.Log.Warn(warning)
	}
	return units
}

func (in *Installer) defaultRuntime() string {
	if in.Runtime != "" {
		return in.Runtime
	}
	return deployment.FindRuntime(in.Tree)
}

// planNext compiles the deployment that comes after another. It is nil when there is
// no difference: the image, the request and this program make what is there already.
func (in *Installer) planNext(ctx context.Context, from *deployment.Record, image deployment.Image, req deployment.Request) (*deployment.Plan, error) {
	files, err := in.Images.Files(ctx, image.Commit)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	input, err := in.inputAfter(from, image, req)
	if err != nil {
		return nil, err
	}
	input.Files = files
	if current, err := in.isCurrent(input); current || err != nil {
		return nil, err
	}
	input.Facts.Units = in.hostUnits()
	if input.Facts.Changed, err = in.changedFiles(from); err != nil {
		return nil, err
	}
	plan, err := deployment.Compile(input)
	if err != nil {
		return nil, err
	}
	plan.Download = image.Fetched
	return plan, in.outline(ctx, from.Name, plan, input.Files)
}

// inputAfter is what the deployment that comes after another is compiled from, but for
// the files of its image and the units of the host.
func (in *Installer) inputAfter(from *deployment.Record, image deployment.Image, req deployment.Request) (deployment.Input, error) {
	facts, err := in.gather(from.Name)
	if err == nil {
		err = in.addFactsOf(from, &facts)
	}
	return deployment.Input{Name: from.Name, From: from, Image: image, Request: req, Facts: facts}, err
}

// changedFiles are the host files of a deployment that the administrator changed, with
// the checksums of what they are now.
func (in *Installer) changedFiles(from *deployment.Record) (map[string]string, error) {
	changed := map[string]string{}
	for _, f := range from.Files {
		state, err := in.compare(f)
		if err != nil {
			return nil, err
		}
		if state != different {
			continue
		}
		sum, err := in.Tree.SHA256(f.Path, deployment.MaxHostFile)
		if err != nil && !errors.Is(err, hosttree.ErrNotRegular) && !errors.Is(err, hosttree.ErrTooLarge) {
			return nil, err
		}
		changed[f.Path] = sum
	}
	return changed, nil
}

// addFactsOf adds what is known from a deployment.
func (in *Installer) addFactsOf(from *deployment.Record, facts *deployment.Facts) error {
	maps.Copy(facts.Generated, from.Generated)
	text, err := in.Tree.ReadFile(path.Join(in.Paths.Deployment(from.Name, from.Deployment), deployment.TmpfilesFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	facts.Made = unitgen.TmpfilesPaths(text)
	return nil
}

// isCurrent reports whether compiling input in the place of its From makes nothing but
// what is there already. Another image is a difference without being compiled for it.
func (in *Installer) isCurrent(input deployment.Input) (bool, error) {
	if input.Image.Commit != input.From.Image.Commit {
		return false, nil
	}
	input.Facts.Deployment = input.From.Deployment
	plan, err := deployment.Compile(input)
	if err != nil || !plan.To.Equals(plan.From) {
		return false, err
	}
	dir := in.Paths.Deployment(plan.From.Name, plan.From.Deployment)
	for _, f := range plan.Rendered {
		there, err := in.Tree.ReadFile(path.Join(dir, f.Path))
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil || !bytes.Equal(there, f.Data) {
			return false, err
		}
	}
	return true, nil
}

// secretsOf reads the secrets of a deployment.
func (in *Installer) secretsOf(r *deployment.Record) (map[string]string, error) {
	secrets := map[string]string{}
	for _, name := range r.Secrets {
		data, err := in.Tree.ReadFile(in.Paths.Secret(r.Name, r.Deployment, name))
		if err != nil {
			return nil, fmt.Errorf("reading the secret %s of %s: %w", name, r.Name, err)
		}
		secrets[name] = string(data)
	}
	return secrets, nil
}
