// Package sysd makes systemd act on units that are on disk already: reload,
// enable, start, stop, and tell how they are.
//
// Manager talks to the systemd that runs as PID 1, Offline edits a tree that
// is not running (--root, a chroot). Both have the same methods. The package
// knows unit names and nothing of what is in the units, of containers or of
// deployments; it writes no unit files.
package sysd

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"
)

// Status is what systemd knows of a unit. The strings are systemd's own words
// as `systemctl show` prints them, so that people can look them up.
type Status struct {
	Load       string    // loaded, not-found, bad-setting, error, masked
	Active     string    // active, reloading, inactive, failed, activating, deactivating
	Sub        string    // running, exited, dead, start, auto-restart, …
	Result     string    // success, exit-code, signal, timeout, protocol, oom-kill, …
	FileState  string    // enabled, disabled, static, masked, …; empty without a unit file
	StatusText string    // what the service says of itself (STATUS= of sd_notify)
	Since      time.Time // when Active became what it is; zero if it never changed
	MainPID    int       // 0 when there is none
	Restarts   int       // how often Restart= has brought it back since it was started
	ExitSignal int       // the signal that ended the last main process, or 0
	ExitStatus int       // the exit status of the last main process
	Type       string    // of a service: notify, oneshot, …
	// StartTimeout is how long a service may take to become ready; 0 is without limit.
	StartTimeout time.Duration
}

// State is what of a unit's status can be asked for many units at once.
type State struct {
	Active string // as in Status
	File   string // Status's FileState
}

// Running reports whether the unit has been started and has not ended.
func (s Status) Running() bool {
	return s.Active == "active" || s.Active == "reloading"
}

// Codes of siginfo_t, which systemd hands on as ExecMainCode.
const (
	exited = 1
	killed = 2
	dumped = 3
)

// statusFrom reads the D-Bus properties of a unit. What a kind of unit does
// not have (a socket has no main process) is zero.
func statusFrom(properties map[string]any) Status {
	s := Status{
		Load:       property[string](properties, "LoadState"),
		Active:     property[string](properties, "ActiveState"),
		Sub:        property[string](properties, "SubState"),
		Result:     property[string](properties, "Result"),
		FileState:  property[string](properties, "UnitFileState"),
		StatusText: property[string](properties, "StatusText"),
		MainPID:    int(property[uint32](properties, "MainPID")),
		Restarts:   int(property[uint32](properties, "NRestarts")),
		Type:       property[string](properties, "Type"),
	}
	if limit := property[uint64](properties, "TimeoutStartUSec"); limit < math.MaxInt64/uint64(time.Microsecond) {
		s.StartTimeout = time.Duration(limit) * time.Microsecond
	}
	status := int(property[int32](properties, "ExecMainStatus"))
	switch property[int32](properties, "ExecMainCode") {
	case exited:
		s.ExitStatus = status
	case killed, dumped:
		s.ExitSignal = status
	}
	if changed := property[uint64](properties, sinceProperty(s.Active)); changed != 0 {
		s.Since = time.UnixMicro(int64(changed))
	}
	return s
}

// sinceProperty names the time at which a unit entered its state, as
// systemctl status shows it.
func sinceProperty(active string) string {
	switch active {
	case "active", "reloading":
		return "ActiveEnterTimestamp"
	case "activating":
		return "InactiveExitTimestamp"
	case "deactivating":
		return "ActiveExitTimestamp"
	default:
		return "InactiveEnterTimestamp"
	}
}

func property[T any](properties map[string]any, name string) T {
	value, _ := properties[name].(T)
	return value
}

// booted reports whether the tree at root is the one that a running systemd
// manages. A chroot is not, even when somebody mounted the outer host's /run
// into it, as installers do: we would then enable units on the wrong host.
func booted(root string) bool {
	info, err := os.Stat(filepath.Join(root, "run/systemd/system"))
	if err != nil || !info.IsDir() {
		return false
	}
	own, err := os.Stat(root)
	if err != nil {
		return false
	}
	first, err := os.Stat(filepath.Join(root, "proc/1/root"))
	if errors.Is(err, fs.ErrPermission) {
		return true // only root may look there, and only root can chroot
	}
	return err == nil && os.SameFile(first, own)
}
