package install

import (
	"context"
	"slices"

	"github.com/syscontainer/syscontainer/install/deployment"
)

// observe finds out how the units of a deployment are.
func (in *Installer) observe(ctx context.Context, r *deployment.Record) (deployment.Situation, error) {
	s := deployment.Situation{Boot: in.Boot}
	for _, unit := range r.UnitNames() {
		status, err := in.Services.Status(ctx, unit)
		if err != nil {
			return deployment.Situation{}, err
		}
		if status.isUp() {
			s.Active = append(s.Active, unit)
		}
		if status.FileState == "enabled" {
			s.Enabled = append(s.Enabled, unit)
		}
	}
	return s, nil
}

// isUp reports whether the unit runs or is about to.
func (s Status) isUp() bool {
	return s.Active == "active" || s.Active == "reloading" || s.Active == "activating"
}

// begins reports in which phase a transition begins: one that restarts a service has
// to prove itself.
func (t transition) begins() phase {
	if t.From != nil && t.To != nil && t.From.Unit == t.To.Unit && slices.Contains(t.Before.Active, t.From.Unit) {
		return switching
	}
	return onward
}

// switchOver has the units of t.To run where those of t.From did. It returns when
// they are ready, or the error for which the transition has to go back.
func (in *Installer) switchOver(ctx context.Context, t *transition) error {
	if t.Before.Boot != in.Boot {
		return nil
	}
	if t.Phase == onward {
		return in.rerun(ctx, t.restarts())
	}
	tried := *t
	tried.Phase = trial
	if err := in.begin(tried); err != nil {
		return err
	}
	*t = tried
	err := in.prove(ctx, tried)
	if err != nil {
		in.condemn(tried, err)
	}
	return err
}

// restarts are the units of t.To that are to be restarted or started: those that ran
// and are not what they were, and those that are new beside a service that runs.
func (t transition) restarts() []string {
	var units []string
	isNew := deployment.Without(t.To.Startable(), t.From.UnitNames())
	for _, unit := range t.To.UnitNames() {
		ran := slices.Contains(t.Before.Active, unit)
		starts := slices.Contains(isNew, unit) && t.Phase != onward && t.To.Enabled
		if ran && t.changes(unit) || starts {
			units = append(units, unit)
		}
	}
	return units
}

// changes reports whether the unit's file is another one.
func (t transition) changes(unit string) bool {
	before, _ := t.From.File(deployment.UnitFile(unit))
	after, _ := t.To.File(deployment.UnitFile(unit))
	return before.SHA256 != after.SHA256
}

// rerun restarts units, in an order in which no socket finds its service running.
func (in *Installer) rerun(ctx context.Context, units []string) error {
	if len(units) > 1 {
		for _, unit := range units {
			if err := in.Services.Stop(ctx, unit); err != nil {
				return err
			}
		}
	}
	for _, unit := range units {
		if err := in.explain(ctx, unit, in.Services.Restart(ctx, unit)); err != nil {
			return err
		}
	}
	return nil
}

// comeBack has the units of t.From run that ran when the transition began, now that
// the host is converged to it again. Since another boot of the machine, it is not for
// us to start anything.
func (in *Installer) comeBack(ctx context.Context, t transition) error {
	if t.Before.Boot != in.Boot {
		return nil
	}
	if t.Phase == trial {
		return in.rerun(ctx, t.Before.Active)
	}
	for _, unit := range t.Before.Active {
		status, err := in.Services.Status(ctx, unit)
		if err != nil {
			return err
		}
		if !status.isUp() {
			if err := in.start(ctx, unit); err != nil {
				return err
			}
		}
	}
	return nil
}
