package install

import (
	"context"
	"time"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hostunits"
)

// plan compiles the installation of image.
func (in *Installer) plan(ctx context.Context, name string, image deployment.Image, req deployment.Request) (*deployment.Plan, error) {
	files, err := in.Images.Files(ctx, image.Commit)
	if err != nil {
		return nil, err
	}
	facts, err := in.gather(name)
	if err != nil {
		return nil, err
	}
	return deployment.Compile(deployment.Input{Name: name, Image: image, Files: files, Request: req, Facts: facts})
}

// gather reads what compile needs to know of the host.
func (in *Installer) gather(name string) (deployment.Facts, error) {
	owners, err := in.owners()
	if err != nil {
		return deployment.Facts{}, err
	}
	last, err := in.lastDeployment(name)
	if err != nil {
		return deployment.Facts{}, err
	}
	units, warnings := hostunits.Read(in.Tree)
	for _, warning := range warnings {
		in.Log.Warn(warning)
	}
	return deployment.Facts{
		Host:       in.Host,
		Paths:      in.Paths,
		Tree:       in.Tree,
		Deployment: last + 1,
		Now:        in.Now().UTC().Truncate(time.Second),
		Generated:  map[string]string{"UUID": in.NewUUID()},
		Runtime:    in.defaultRuntime(),
		Owners:     owners,
		Units:      units,
	}, nil
}

func (in *Installer) defaultRuntime() string {
	if in.Runtime != "" {
		return in.Runtime
	}
	return deployment.FindRuntime(in.Tree)
}
