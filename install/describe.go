package install

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/drift"
	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/unitgen"
)

// Summary is a line of the list of containers.
type Summary struct {
	Name       string `json:"name"`
	Image      string `json:"image"`
	Digest     string `json:"digest"`
	Deployment int    `json:"deployment"`
	Unit       string `json:"unit"`
	State      string `json:"state"`   // what systemd says: active, failed…; "" where it does not run
	Enabled    string `json:"enabled"` // what systemd says: enabled, disabled…
	// Error says why the container cannot be described; what else is known is there.
	Error string `json:"error,omitempty"`
}

// Details are all that is known of a container.
type Details struct {
	Summary
	Created     time.Time           `json:"created,omitzero"`
	Commit      string              `json:"commit"`
	Runtime     string              `json:"runtime"`
	Values      map[string]string   `json:"values"`  // that were set
	Secrets     []string            `json:"secrets"` // that were set; nothing tells their values
	Variables   []VariableDetails   `json:"variables"`
	Deployments []DeploymentDetails `json:"deployments"`
	// RolledBack says that the administrator went back to it, and update --all leaves it.
	RolledBack bool `json:"rolled_back"`
	// Bad has the digests of images that failed, and how.
	Bad     map[string]string `json:"bad,omitempty"`
	Sub     string            `json:"sub"`
	Result  string            `json:"result"`
	MainPID int               `json:"main_pid"`
	Status  string            `json:"status"`
	Since   *time.Time        `json:"since,omitempty"`
	Ports   []string          `json:"ports"` // that the image exposes
	// HealthCheck is null when there is none.
	HealthCheck *deployment.HealthCheck `json:"health_check"`
	// Units are those that the image brings beside its service.
	Units []UnitDetails `json:"units"`
	Files []FileDetails `json:"files"`
}

// UnitDetails are what systemd says of a unit.
type UnitDetails struct {
	Name    string `json:"name"`
	State   string `json:"state"`
	Enabled string `json:"enabled"`
}

// VariableDetails are a variable of the image and the value that it has.
type VariableDetails struct {
	deployment.Variable
	Value string `json:"value"` // "" for a secret
	Set   bool   `json:"set"`   // by the user
}

// FileDetails are what became of a host file.
type FileDetails struct {
	deployment.HostFile
	State string `json:"state"` // ok, changed or missing
	// Differences say how it is changed.
	Differences []drift.Difference `json:"differences,omitempty"`
}

// List describes all containers. One that cannot be described is in the list
// with its error, and never keeps the others from it.
func (in *Installer) List(ctx context.Context) ([]Summary, error) {
	names, err := in.containerNames()
	if err != nil {
		return nil, err
	}
	list := make([]Summary, len(names))
	read := in.summaries(names, list)
	var states map[string]Status
	var workers sync.WaitGroup
	workers.Go(func() {
		states, err = in.Services.States(ctx, serviceUnits(names))
		read()
	})
	// The questions go to and fro meanwhile, and need a processor that is not reading.
	for range max(1, runtime.GOMAXPROCS(0)-1) {
		workers.Go(read)
	}
	workers.Wait()
	if err != nil {
		return nil, err
	}
	for i, summary := range list {
		if summary.Unit != "" {
			list[i].State, list[i].Enabled = states[summary.Unit].Active, states[summary.Unit].FileState
		}
	}
	return list, nil
}

// serviceUnits returns what the services of containers are called. A name that no unit
// can have is left out: systemd would answer for none of them.
func serviceUnits(names []string) []string {
	units := []string{}
	for _, name := range names {
		if unit := deployment.UnitName(name); unitgen.CheckUnitName(unit) == nil {
			units = append(units, unit)
		}
	}
	return units
}

// summaries returns what describes all containers in list, in the order of names, as far
// as their records do. Whoever calls it helps, until nothing is left to be done.
func (in *Installer) summaries(names []string, list []Summary) func() {
	var next atomic.Int64
	return func() {
		for i := next.Add(1) - 1; i < int64(len(names)); i = next.Add(1) - 1 {
			var err error
			if list[i], err = in.summarize(names[i]); err != nil {
				list[i].Error = err.Error()
			}
		}
	}
}

// Show describes one container. Of one that is broken it describes what can be
// known, also with the error.
func (in *Installer) Show(ctx context.Context, name string) (*Details, error) {
	if err := in.checkKnown(name); err != nil {
		return nil, err
	}
	details := &Details{Values: map[string]string{}, Secrets: []string{}, Variables: []VariableDetails{}, Deployments: []DeploymentDetails{}, Units: []UnitDetails{}, Files: []FileDetails{}}
	var err error
	if details.Summary, err = in.summarize(name); err == nil {
		err = in.describeCurrent(ctx, name, details)
	}
	if err = errors.Join(err, in.describeDeployments(details)); err != nil {
		details.Error = err.Error()
		return details, brokenHint(name, err)
	}
	return details, nil
}

// describeCurrent adds what is known of the current deployment beyond its summary.
func (in *Installer) describeCurrent(ctx context.Context, name string, details *Details) error {
	record, err := in.currentRecord(name)
	if err != nil {
		return err
	}
	return errors.Join(in.describeRecord(ctx, record, details), in.describeUnits(ctx, record, details))
}

// describeRecord adds what the record of the current deployment tells, and what became
// of it on the host.
func (in *Installer) describeRecord(ctx context.Context, record *deployment.Record, details *Details) error {
	details.Created, details.Commit, details.Runtime = record.Created, record.Image.Commit, record.Runtime
	maps.Copy(details.Values, record.Values)
	details.Secrets = append(details.Secrets, record.Secrets...)
	details.Variables = in.describeVariables(ctx, record)
	details.Ports, details.HealthCheck = append([]string{}, record.Ports...), record.HealthCheck
	return in.describeFiles(record, details)
}

// describeUnits adds what systemd says.
func (in *Installer) describeUnits(ctx context.Context, record *deployment.Record, details *Details) error {
	var errs []error
	if record.Unit != "" {
		status, err := in.Services.Status(ctx, record.Unit)
		errs = append(errs, err)
		details.State, details.Enabled = status.Active, status.FileState
		details.Sub, details.Result, details.MainPID, details.Status = status.Sub, status.Result, status.MainPID, status.StatusText
		if !status.Since.IsZero() {
			details.Since = &status.Since
		}
	}
	for _, unit := range record.Units {
		status, err := in.Services.Status(ctx, unit.Name)
		errs = append(errs, err)
		details.Units = append(details.Units, UnitDetails{Name: unit.Name, State: status.Active, Enabled: status.FileState})
	}
	return errors.Join(errs...)
}

// describeVariables lists the variables of the deployment's image. None is in the
// list when the store no longer tells; what was set is known from the record.
func (in *Installer) describeVariables(ctx context.Context, record *deployment.Record) []VariableDetails {
	list := []VariableDetails{}
	files, err := in.Images.Files(ctx, record.Image.Commit)
	var variables []deployment.Variable
	if err == nil {
		defer files.Close()
		variables, err = deployment.Variables(deployment.Image{Reference: record.Image.Reference}, files)
	}
	if err != nil {
		in.Log.Warn("reading the variables of the image", "image", record.Image.Reference, "error", err)
	}
	for _, v := range variables {
		d := VariableDetails{Variable: v, Value: v.Default, Set: slices.Contains(record.Secrets, v.Name)}
		if value, ok := record.Values[v.Name]; ok {
			d.Value, d.Set = value, true
		}
		list = append(list, d)
	}
	return list
}

func brokenHint(name string, err error) error {
	return hint.Add(err, "finish what was interrupted with: syscontainer recover\nor remove what is left with: syscontainer uninstall %s", name)
}

func (in *Installer) describeFiles(record *deployment.Record, details *Details) error {
	var errs []error
	for _, f := range record.Files {
		found, err := drift.Entry(in.Tree, f)
		if err != nil {
			errs = append(errs, fmt.Errorf("looking at %s: %w", f.Path, err))
		}
		if isSettled(f, found) {
			continue
		}
		d := FileDetails{HostFile: f, State: "ok", Differences: found}
		switch {
		case len(found) > 0 && found[0].Aspect == drift.Missing:
			d.State = "missing"
		case len(found) > 0:
			d.State = "changed"
		}
		details.Files = append(details.Files, d)
	}
	return errors.Join(errs...)
}

// summarize describes a container as far as its record does.
func (in *Installer) summarize(name string) (Summary, error) {
	summary := Summary{Name: name}
	head, err := in.currentHead(name)
	if errors.Is(err, ErrNotInstalled) {
		return summary, errInterrupted
	}
	if err != nil {
		return summary, err
	}
	summary.Image = head.Image.Reference
	summary.Digest = head.Image.Digest
	summary.Deployment = head.Deployment
	summary.Unit = head.Unit
	return summary, nil
}
