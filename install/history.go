package install

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/syscontainer/syscontainer/install/deployment"
)

// history is what is known of a container beyond its deployments. A container that
// was never changed since it was installed has none on disk.
type history struct {
	// Highest is the highest number that a deployment ever had: numbers are not used
	// again.
	Highest int `json:"highest"`
	// Previous is the deployment that was current before; 0 when there is none.
	Previous int `json:"previous,omitempty"`
	// Staged is a deployment to which the host was never converged; 0 when there is
	// none. Unless a change is under way, it is a leftover.
	Staged int `json:"staged,omitempty"`
	// RolledBack says that the administrator went back from a newer deployment, which is
	// still there, and has not asked for an update since.
	RolledBack bool `json:"rolled_back,omitempty"`
	// Bad has the digests of images that failed, and how.
	Bad map[string]string `json:"bad,omitempty"`
}

// check refuses numbers that no deployment can have had.
func (h *history) check() error {
	return checkNumbers(h.Highest, h.Previous, h.Staged)
}

// next is the number for a new deployment.
func (h *history) next() (int, error) {
	if h.Highest == lastNumber {
		return 0, fmt.Errorf("there is no number left for a deployment after %d", lastNumber)
	}
	return h.Highest + 1, nil
}

func (in *Installer) readHistory(name string) (history, error) {
	var h history
	file := in.Paths.History(name)
	data, err := in.Tree.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return h, fmt.Errorf("reading the history of %s: %w", name, err)
	}
	if err == nil {
		if err := errors.Join(json.Unmarshal(data, &h), h.check()); err != nil {
			in.Log.Warn("the history of a container cannot be read; it begins anew", "file", file, "error", err)
			h = history{}
		}
	}
	last, err := in.lastDeployment(name)
	h.Highest = max(h.Highest, last)
	return h, err
}

func (in *Installer) writeHistory(name string, h history) error {
	data, err := json.MarshalIndent(h, "", "  ")
	if err != nil {
		return err
	}
	return in.writeState(in.Paths.History(name), append(data, '\n'))
}

// expect writes down that a deployment is going to be staged.
func (in *Installer) expect(r *deployment.Record) error {
	h, err := in.readHistory(r.Name)
	if err != nil {
		return err
	}
	h.Highest, h.Staged = max(h.Highest, r.Deployment), r.Deployment
	return in.writeHistory(r.Name, h)
}

// remember writes down that the host went from one deployment to another and stays
// there.
func (in *Installer) remember(t transition) error {
	h, err := in.readHistory(t.Name)
	if err != nil {
		return err
	}
	last, err := in.lastDeployment(t.Name)
	if err != nil {
		return err
	}
	h.Previous, h.Staged, h.RolledBack = t.From.Deployment, 0, t.To.Deployment < last
	delete(h.Bad, t.To.Image.Digest)
	return in.writeHistory(t.Name, h)
}

// RolledBackError says that an administrator went back to the deployment.
type RolledBackError struct{ Deployment int }

func (e *RolledBackError) Error() string {
	return fmt.Sprintf("it was rolled back to deployment %d", e.Deployment)
}

// checkRolledBack refuses to go on from a deployment that the administrator went back to.
func (in *Installer) checkRolledBack(current *deployment.Record) error {
	h, err := in.readHistory(current.Name)
	if err == nil && h.RolledBack {
		err = &RolledBackError{Deployment: current.Deployment}
	}
	return err
}

// goOn forgets that the administrator went back: he has asked for an update.
func (in *Installer) goOn(name string) error {
	h, err := in.readHistory(name)
	if err != nil || !h.RolledBack {
		return err
	}
	h.RolledBack = false
	return in.writeHistory(name, h)
}

// previous is the deployment that a rollback leads to, 0 when there is none.
func (in *Installer) previous(name string, current *deployment.Record) (int, error) {
	h, err := in.readHistory(name)
	if err != nil {
		return 0, err
	}
	numbers, err := in.deploymentNumbers(name)
	if err != nil {
		return 0, err
	}
	before := 0 // the newest other one, where the history was lost
	for _, n := range numbers {
		if n == h.Previous && n != current.Deployment {
			return n, nil
		}
		if n != current.Deployment {
			before = n
		}
	}
	return before, nil
}
