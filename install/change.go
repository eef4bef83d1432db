package install

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hint"
)

// transition takes a container from one deployment to another: nil is "not
// installed". Install, uninstall, update and rollback differ only in the ends.
type transition struct {
	Name   string
	From   *deployment.Record
	To     *deployment.Record
	Phase  phase
	Before deployment.Situation
	Purges []string      // directories that go with To
	Soak   time.Duration // for how long a service that is ready has to stay up
	Back   bool          // To is where it came from
}

// phase says how far a transition is, and so to which side a crash leads.
type phase string

const (
	// onward leads to To, whatever happens.
	onward phase = ""
	// switching leads back to From, which the service still runs.
	switching phase = "switching"
	// trial leads back to From as well. The service may run To, which has yet to
	// prove itself.
	trial phase = "trial"
)

// pendingChange is a transition as it is on disk while it is under way. The
// records themselves are in the deployments; 0 is "not installed".
type pendingChange struct {
	From   int                  `json:"from"`
	To     int                  `json:"to"`
	Phase  phase                `json:"phase,omitempty"`
	Before deployment.Situation `json:"before,omitzero"`
	Purges []string             `json:"purges,omitempty"`
}

// check refuses what nobody can have written down: such a change is not to be believed.
func (p pendingChange) check() error {
	if err := checkNumbers(p.From, p.To); err != nil {
		return err
	}
	if p.From == 0 && p.To == 0 {
		return errors.New("it names no deployment")
	}
	for _, dir := range p.Purges {
		if !path.IsAbs(dir) || path.Clean(dir) != dir {
			return fmt.Errorf("%q is no directory to be purged", dir)
		}
	}
	return nil
}

func deploymentOf(r *deployment.Record) int {
	if r == nil {
		return 0
	}
	return r.Deployment
}

// reversed is the way back.
func (t transition) reversed() transition {
	t.From, t.To, t.Back = t.To, t.From, !t.Back
	return t
}

// begin writes down what is going to happen. After an error what was written down
// before still is, and nothing else.
func (in *Installer) begin(t transition) error {
	data, err := json.Marshal(pendingChange{
		From: deploymentOf(t.From), To: deploymentOf(t.To), Phase: t.Phase, Before: t.Before, Purges: t.Purges,
	})
	if err != nil {
		return err
	}
	file := in.Paths.Pending(t.Name)
	_, before := in.Tree.Lstat(file)
	err = in.writeState(file, append(data, '\n'))
	if err != nil && errors.Is(before, fs.ErrNotExist) {
		err = errors.Join(err, in.Tree.Remove(file)) // it has its name when only making it durable failed
	}
	return err
}

// forget ends a change that is done. Where the disk refuses that the change stays
// written down, and whoever comes next finds that nothing of it is left to do.
func (in *Installer) forget(name string) {
	if err := in.Tree.Remove(in.Paths.Pending(name)); err != nil {
		in.Log.Warn("the change is done, and looks as if it were under way", "container", name, "error", err)
	}
}

// change converges the host to t.To so that it can be finished after a crash, has
// what ran run again, and goes back to t.From when it does not get through. It
// returns the host files that it kept because the administrator had changed them.
func (in *Installer) change(ctx context.Context, t transition) ([]string, error) {
	if err := in.begin(t); err != nil {
		return nil, err
	}
	kept, err := in.converge(ctx, t)
	if err == nil {
		err = in.switchOver(ctx, &t)
	}
	if err == nil {
		err = in.settleOn(t)
	}
	if err != nil {
		return nil, in.giveUp(context.WithoutCancel(ctx), t, err)
	}
	in.conclude(t)
	return kept, nil
}

// giveUp goes back from a transition that failed for a reason, and returns what is to
// be said of it.
func (in *Installer) giveUp(ctx context.Context, t transition, reason error) error {
	if err := in.goBack(ctx, t); err != nil {
		return errors.Join(reason, fmt.Errorf("going back: %w", err))
	}
	if t.Phase == trial {
		return fmt.Errorf("deployment %d was given up, and %d runs again: %w", t.To.Deployment, t.From.Deployment, reason)
	}
	return reason
}

// settleOn writes down that t.To has proved itself: from now on nothing leads back.
func (in *Installer) settleOn(t transition) error {
	if t.Phase == onward {
		return nil
	}
	t.Phase, t.Before = onward, deployment.Situation{}
	return in.begin(t)
}

// conclude ends a transition that got through. What cannot be written down is done
// again by whoever comes next.
func (in *Installer) conclude(t transition) {
	if t.From != nil && deploymentOf(t.From) != deploymentOf(t.To) {
		if err := in.remember(t); err != nil {
			in.Log.Warn("the change is done, and looks as if it were under way", "container", t.Name, "error", err)
			return
		}
	}
	in.forget(t.Name)
}

// goBack ends a transition that did not get through: the host is converged to
// t.From again, and what ran of it runs. It can be repeated.
func (in *Installer) goBack(ctx context.Context, t transition) error {
	if _, err := in.converge(ctx, t.reversed()); err != nil {
		return hint.Add(err, "when the cause is mended, run: syscontainer recover")
	}
	return errors.Join(in.comeBack(ctx, t), in.Tree.Remove(in.Paths.Pending(t.Name)))
}
