package install

import (
	"errors"
	"time"
)

// DeploymentDetails are what is known of one deployment of a container.
type DeploymentDetails struct {
	Number   int       `json:"number"`
	Current  bool      `json:"current"`
	Rollback bool      `json:"rollback"` // where a rollback leads
	Created  time.Time `json:"created,omitzero"`
	Image    string    `json:"image,omitempty"`
	Digest   string    `json:"digest,omitempty"`
	// Error says why its record cannot be read.
	Error string `json:"error,omitempty"`
}

// describeDeployments adds all deployments of a container and the digests that failed.
// One whose record cannot be read is there with its error.
func (in *Installer) describeDeployments(details *Details) error {
	name := details.Name
	numbers, err := in.deploymentNumbers(name)
	if err != nil {
		return err
	}
	history, historyErr := in.readHistory(name)
	details.Bad, details.RolledBack = history.Bad, history.RolledBack
	current, currentErr := in.currentNumber(name)
	rollback := 0
	if record, err := in.currentRecord(name); err == nil {
		rollback, currentErr = in.previous(name, record)
	}
	for _, n := range numbers {
		d := DeploymentDetails{Number: n, Current: n == current, Rollback: n == rollback}
		if record, err := in.readRecord(name, n); err != nil {
			d.Error = err.Error()
		} else {
			d.Created, d.Image, d.Digest = record.Created, record.Image.Reference, record.Image.Digest
		}
		details.Deployments = append(details.Deployments, d)
	}
	if errors.Is(currentErr, ErrNotInstalled) {
		currentErr = nil // it has been told of
	}
	return errors.Join(historyErr, currentErr)
}
