package install

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/drift"
)

// CheckedOut is a directory, on disk, that Images.Checkout made.
type CheckedOut struct {
	Commit, Dir string
	// Own are paths in it that may be there besides what the image has, as long as
	// they are directories or files without content; nil when that is not known, and
	// nothing more is looked for.
	Own map[string]bool
}

// Checked is how such a directory compares with the image. Paths of differences are
// those in the image.
type Checked struct {
	Digest      string // of the image's manifest, "" when it cannot be read
	Differences []drift.Difference
	Err         error // it could not be looked at
}

// Verification is how one deployment of a container compares with what it should be.
type Verification struct {
	Name       string `json:"name"`
	Deployment int    `json:"deployment,omitempty"` // 0 when it cannot be known
	Current    bool   `json:"current"`              // the host is converged to it
	// Differences name everything that is not as it was recorded.
	Differences []drift.Difference `json:"differences"`
	// Error says why the deployment cannot be looked at, or not wholly.
	Error string `json:"error,omitempty"`
	// Repaired are differences that Repair has ended, and Restart says that the
	// service runs and may still use what was there before.
	Repaired []drift.Difference `json:"repaired,omitempty"`
	Restart  bool               `json:"restart,omitempty"`

	record *deployment.Record // nil when it cannot be read
}

// OK reports whether all is as it should be.
func (v *Verification) OK() bool { return v.Error == "" && len(v.Differences) == 0 }

func (v *Verification) fail(err error) {
	if err == nil {
		return
	}
	if v.Error != "" {
		v.Error += "; "
	}
	v.Error += err.Error()
}

// Verify compares every deployment of the containers, of all when none is named, with
// the repo and with its record, the current ones also with the host. The current one
// comes first, then the others from the newest. What cannot be looked at is in the
// list with its error, and never keeps the others from it. It changes nothing and
// waits for nobody.
func (in *Installer) Verify(ctx context.Context, names ...string) ([]*Verification, error) {
	names, err := in.known(names)
	if err != nil {
		return nil, err
	}
	var list []*Verification
	for _, name := range names {
		list = append(list, in.deploymentsOf(name)...)
	}
	if err := in.verifyRootfs(ctx, list); err != nil {
		return nil, err
	}
	holds, err := in.Images.Held(ctx)
	if err != nil {
		return nil, err
	}
	for _, v := range list {
		if v.record == nil {
			continue
		}
		in.verifyHold(v, holds)
		v.fail(in.verifyRendered(v))
		if v.Current {
			v.fail(in.verifyHost(ctx, v))
		}
	}
	return slices.DeleteFunc(list, in.isGone), nil
}

// known are the named containers, each once, or all; ErrNotInstalled for one that is not.
func (in *Installer) known(names []string) ([]string, error) {
	if len(names) == 0 {
		return in.containerNames()
	}
	for _, name := range names {
		if err := in.checkKnown(name); err != nil {
			return nil, err
		}
	}
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names), nil
}

// deploymentsOf begins the verification of each deployment of a container.
func (in *Installer) deploymentsOf(name string) []*Verification {
	current, currentErr := in.currentNumber(name)
	if errors.Is(currentErr, ErrNotInstalled) {
		currentErr = errInterrupted
	}
	numbers, err := in.deploymentNumbers(name)
	var list []*Verification
	for _, n := range slices.Backward(numbers) {
		v := &Verification{Name: name, Deployment: n, Current: n == current, Differences: []drift.Difference{}}
		var readErr error
		v.record, readErr = in.readRecord(name, n)
		v.fail(readErr)
		if v.Current {
			v.fail(in.unsettledError(name))
			list = slices.Insert(list, 0, v)
			continue
		}
		list = append(list, v)
	}
	if currentErr == nil && !slices.Contains(numbers, current) {
		currentErr = fmt.Errorf("what is current of %s is deployment %d, which is not there", name, current)
	}
	if err := errors.Join(err, currentErr); err != nil {
		broken := &Verification{Name: name, Differences: []drift.Difference{}}
		broken.fail(err)
		list = slices.Insert(list, 0, broken)
	}
	return list
}

// unsettledError says that the host may be between two deployments.
func (in *Installer) unsettledError(name string) error {
	_, err := in.Tree.Lstat(in.Paths.Pending(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(errors.New("a change of it is under way, or was interrupted"), err)
}

// isGone reports whether a deployment was removed while it was looked at.
func (in *Installer) isGone(v *Verification) bool {
	if v.Deployment == 0 {
		return false
	}
	_, err := in.Tree.Lstat(in.Paths.Deployment(v.Name, v.Deployment))
	return errors.Is(err, fs.ErrNotExist)
}

// verifyRootfs compares the checkouts with the repo, all at once: what they share is
// read once.
func (in *Installer) verifyRootfs(ctx context.Context, list []*Verification) error {
	var whose []*Verification
	var trees []CheckedOut
	for _, v := range list {
		if v.record == nil {
			continue
		}
		tree, err := in.checkedOut(v.record)
		if err != nil {
			v.fail(err)
			continue
		}
		whose, trees = append(whose, v), append(trees, tree)
	}
	reports, err := in.Images.VerifyCheckouts(ctx, trees)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for i, v := range whose {
		if err != nil {
			v.fail(err)
			continue
		}
		in.takeReport(v, reports[i])
	}
	return nil
}

// takeReport adds what was found of a checkout, with paths as the host has them.
func (in *Installer) takeReport(v *Verification, report Checked) {
	rootfs := path.Join(in.Paths.Deployment(v.Name, v.Deployment), deployment.RootfsDir)
	for _, d := range report.Differences {
		d.Path = path.Join(rootfs, d.Path)
		v.Differences = append(v.Differences, d)
	}
	v.fail(report.Err)
	if report.Digest != "" && report.Digest != v.record.Image.Digest {
		v.Differences = append(v.Differences, drift.Difference{
			Place: drift.Deployment, Path: in.Paths.Record(v.Name, v.Deployment), Aspect: drift.Digest,
			Want: report.Digest, Have: v.record.Image.Digest,
		})
	}
	v.fail(in.verifyMountPoints(v, rootfs))
}

// verifyHold looks for what keeps the image from being pruned.
func (in *Installer) verifyHold(v *Verification, holds []string) {
	hold := holdName(v.record)
	if !slices.Contains(holds, hold) {
		v.Differences = append(v.Differences, drift.Difference{
			Place: drift.Repo, Path: in.Paths.Deployment(v.Name, v.Deployment), Aspect: drift.Missing, Want: "a hold on the image " + v.record.Image.Reference,
		})
	}
}

// isSettled reports whether a file is missing that was put beside one of the
// administrator's, who has taken it away when it was of no more use.
func isSettled(f deployment.HostFile, found []drift.Difference) bool {
	return f.Beside != "" && len(found) > 0 && found[0].Aspect == drift.Missing
}

// verifyHost compares what the deployment put onto the host.
func (in *Installer) verifyHost(ctx context.Context, v *Verification) error {
	var errs []error
	for _, f := range v.record.Files {
		found, err := drift.Entry(in.Tree, f)
		if err != nil {
			errs = append(errs, fmt.Errorf("looking at %s: %w", f.Path, err))
		}
		if !isSettled(f, found) {
			v.Differences = append(v.Differences, found...)
		}
	}
	if !v.record.Enabled {
		return errors.Join(errs...)
	}
	for _, unit := range v.record.Startable() {
		status, err := in.Services.Status(ctx, unit)
		errs = append(errs, err)
		if slices.Contains([]string{"disabled", "masked", "masked-runtime"}, status.FileState) {
			v.Differences = append(v.Differences, drift.Difference{
				Place: drift.Systemd, Path: unit, Aspect: drift.Enabled, Want: "enabled", Have: status.FileState, Administrator: true,
			})
		}
	}
	return errors.Join(errs...)
}
