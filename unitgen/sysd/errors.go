package sysd

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// ErrNotRunning says that no systemd manages this tree, so that nothing can be
// started and nothing is known of a unit's state.
var ErrNotRunning = errors.New("systemd is not running here")

// errDisconnected says that the result of a job is not known.
var errDisconnected = errors.New("the connection to systemd was lost")

// JobError says that systemd took a job and the job did not end well.
type JobError struct {
	Verb   string // "starting", "stopping", "restarting"
	Unit   string
	Job    string // failed, timeout, canceled, dependency, skipped, …
	Status Status // the unit's state right after the job
}

// Error tells the result of the job and, where it says more, of the unit.
func (e *JobError) Error() string {
	return fmt.Sprintf("%s %s: %s", e.Verb, e.Unit, e.reason())
}

func (e *JobError) reason() string {
	switch e.Job {
	case "dependency":
		return "a unit that it requires did not start"
	case "failed", "timeout":
	default:
		return "the job was " + e.Job
	}
	s := e.Status
	switch {
	case s.Load != "" && s.Load != "loaded":
		return "the unit is " + s.Load
	case s.ExitSignal != 0:
		return fmt.Sprintf("its main process was killed by signal %d (%v)", s.ExitSignal, syscall.Signal(s.ExitSignal))
	case s.Result == "exit-code":
		return fmt.Sprintf("its main process ended with status %d", s.ExitStatus)
	case s.Result == "timeout" || e.Job == "timeout":
		return "it was not ready in time"
	case s.Result == "protocol":
		return "it ended before it said that it was ready"
	case s.Result == "" || s.Result == "success":
		return "the job " + e.Job
	default:
		return "systemd says: " + s.Result
	}
}

// CommandError says that a program that was run did not end well.
type CommandError struct {
	Args   []string
	Stderr string // what the program had to say, trimmed
	Err    error
}

// Error puts the command line and the program's own words on one line.
func (e *CommandError) Error() string {
	text := fmt.Sprintf("running %s: %v", strings.Join(e.Args, " "), e.Err)
	if e.Stderr != "" {
		text += ": " + strings.ReplaceAll(e.Stderr, "\n", "; ")
	}
	return text
}

// Unwrap returns the error of os/exec, or of the context that ended it.
func (e *CommandError) Unwrap() error { return e.Err }

// exitStatus is that of the program that failed, -1 where there is none.
func exitStatus(err error) int {
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}
