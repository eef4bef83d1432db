package install

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/syscontainer/syscontainer/install/deployment"
)

// outline completes a plan with what it comes to on this host: which files change,
// which units are restarted, which deployments go. files is the image that the new
// deployment is of; nil when it is there already.
func (in *Installer) outline(ctx context.Context, name string, plan *deployment.Plan, files fs.FS) error {
	var err error
	if plan.Before, err = in.observe(ctx, plan.From); err != nil {
		return err
	}
	t := transitionOf(name, plan)
	plan.Restarts, plan.Stops, plan.Retires, plan.Purges = []string{}, []string{}, []int{}, []string{}
	if plan.To != nil {
		plan.Restarts = append(plan.Restarts, t.restarts()...)
		if plan.Retires, err = in.retires(t); err != nil {
			return err
		}
	}
	for _, unit := range deployment.Without(plan.From.UnitNames(), plan.To.UnitNames()) {
		if slices.Contains(plan.Before.Active, unit) {
			plan.Stops = append(plan.Stops, unit)
		}
	}
	plan.Files, err = in.fileChanges(plan, files)
	if plan.Discloses() {
		for i := range plan.Files {
			plan.Files[i].Diff = ""
		}
	}
	return err
}

// transitionOf is the transition that a plan stands for.
func transitionOf(name string, plan *deployment.Plan) transition {
	t := transition{Name: name, From: plan.From, To: plan.To, Before: plan.Before}
	t.Phase = t.begins()
	return t
}

// preview makes the result of a dry run of one that has everything else.
func preview(result *Result, plan *deployment.Plan) *Result {
	result.Changed, result.Plan = false, plan
	if plan.Discloses() {
		result.Warnings = append(result.Warnings, "differences of files are not shown: the one deployment has in plain text what is a secret of the other")
	}
	return result
}

func (in *Installer) fileChanges(plan *deployment.Plan, files fs.FS) ([]deployment.FileChange, error) {
	before, after := in.staged(plan.From), in.staged(plan.To)
	if files != nil {
		after = plan.Contents(files)
	}
	changes, err := deployment.FileChanges(plan.From, plan.To, before, after, in.presence(plan.From))
	if err != nil || plan.To == nil || plan.To.Runtime == "" {
		return changes, err
	}
	config, err := in.configChange(plan, before, after)
	return append(changes, config), err
}

// presence tells how the host has the files of a record, which may have several versions
// of one.
func (in *Installer) presence(r *deployment.Record) func(deployment.HostFile) deployment.Presence {
	versions := map[string][]deployment.HostFile{}
	if r != nil {
		for _, f := range r.Files {
			versions[f.Path] = append(versions[f.Path], f)
		}
	}
	return func(f deployment.HostFile) deployment.Presence {
		found := deployment.Missing
		for _, version := range versions[f.Path] {
			switch state, err := in.compare(version); {
			case err == nil && state == asRecorded:
				return deployment.AsPlaced
			case err != nil || state == different:
				found = deployment.Changed
			}
		}
		return found
	}
}

// configChange is what becomes of config.json, which is the deployment's own.
func (in *Installer) configChange(plan *deployment.Plan, before, after deployment.Contents) (deployment.FileChange, error) {
	file := deployment.HostFile{
		Path: path.Join(in.Paths.Deployment(plan.To.Name, plan.To.Deployment), deployment.ConfigFile),
		Kind: deployment.File, Source: deployment.ConfigFile,
	}
	change := deployment.FileChange{Path: file.Path, Action: deployment.Add}
	if plan.From == nil {
		return change, nil
	}
	diff, err := deployment.Diff(file, file, before, after)
	if errors.Is(err, fs.ErrNotExist) {
		return change, nil
	}
	change.Action, change.Diff = deployment.Change, diff
	return change, err
}

// staged reads the files of a deployment that is there.
func (in *Installer) staged(r *deployment.Record) deployment.Contents {
	return func(f deployment.HostFile) ([]byte, error) {
		file := path.Join(in.Paths.Deployment(r.Name, r.Deployment), f.Source)
		if info, err := in.Tree.Stat(file); err == nil && info.Size() > deployment.MaxText {
			return nil, fmt.Errorf("reading %s: %w", file, deployment.ErrTooLarge)
		}
		return in.Tree.ReadFile(file)
	}
}
