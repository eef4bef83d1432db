package sysd

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	godbus "github.com/godbus/dbus/v5"
)

func TestStatusFrom(t *testing.T) {
	base := map[string]any{
		"LoadState": "loaded", "ActiveState": "active", "SubState": "running", "Result": "success",
		"UnitFileState": "enabled", "StatusText": "serving", "MainPID": uint32(42), "NRestarts": uint32(3),
		"ExecMainCode": int32(0), "ExecMainStatus": int32(0),
		"ActiveEnterTimestamp": uint64(1_000_000), "InactiveEnterTimestamp": uint64(2_000_000),
		"InactiveExitTimestamp": uint64(3_000_000), "ActiveExitTimestamp": uint64(4_000_000),
	}
	service := Status{
		Load: "loaded", Active: "active", Sub: "running", Result: "success", FileState: "enabled", StatusText: "serving",
		MainPID: 42, Restarts: 3, Since: time.Unix(1, 0),
	}
	for name, c := range map[string]struct {
		change map[string]any
		want   func(s Status) Status
	}{
		"running":      {nil, func(s Status) Status { return s }},
		"failed":       {map[string]any{"ActiveState": "failed"}, func(s Status) Status { s.Active, s.Since = "failed", time.Unix(2, 0); return s }},
		"activating":   {map[string]any{"ActiveState": "activating"}, func(s Status) Status { s.Active, s.Since = "activating", time.Unix(3, 0); return s }},
		"deactivating": {map[string]any{"ActiveState": "deactivating"}, func(s Status) Status { s.Active, s.Since = "deactivating", time.Unix(4, 0); return s }},
		"never":        {map[string]any{"ActiveEnterTimestamp": uint64(0)}, func(s Status) Status { s.Since = time.Time{}; return s }},
		"exit status":  {map[string]any{"ExecMainCode": int32(1), "ExecMainStatus": int32(7)}, func(s Status) Status { s.ExitStatus = 7; return s }},
		"signal":       {map[string]any{"ExecMainCode": int32(2), "ExecMainStatus": int32(9)}, func(s Status) Status { s.ExitSignal = 9; return s }},
		"core dump":    {map[string]any{"ExecMainCode": int32(3), "ExecMainStatus": int32(6)}, func(s Status) Status { s.ExitSignal = 6; return s }},
	} {
		t.Run(name, func(t *testing.T) {
			properties := make(map[string]any)
			for _, from := range []map[string]any{base, c.change} {
				for key, value := range from {
					properties[key] = value
				}
			}
			if got, want := statusFrom(properties), c.want(service); got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestStatusOfAnUnknownUnit(t *testing.T) {
	got := statusFrom(map[string]any{"LoadState": "not-found", "ActiveState": "inactive", "SubState": "dead"})
	if want := (Status{Load: "not-found", Active: "inactive", Sub: "dead"}); got != want || got.Running() {
		t.Errorf("got %+v", got)
	}
}

func TestJobError(t *testing.T) {
	for want, e := range map[string]JobError{
		"starting a.service: its main process ended with status 7":             {Job: "failed", Status: Status{Load: "loaded", Result: "exit-code", ExitStatus: 7}},
		"starting a.service: its main process was killed by signal 9 (killed)": {Job: "failed", Status: Status{Load: "loaded", Result: "signal", ExitSignal: 9}},
		"starting a.service: it was not ready in time":                         {Job: "failed", Status: Status{Load: "loaded", Result: "timeout"}},
		"starting a.service: it ended before it said that it was ready":        {Job: "failed", Status: Status{Load: "loaded", Result: "protocol"}},
		"starting a.service: systemd says: start-limit-hit":                    {Job: "failed", Status: Status{Load: "loaded", Result: "start-limit-hit"}},
		"starting a.service: a unit that it requires did not start":            {Job: "dependency"},
		"starting a.service: the job was canceled":                             {Job: "canceled", Status: Status{Load: "loaded"}},
		"starting a.service: the unit is bad-setting":                          {Job: "failed", Status: Status{Load: "bad-setting"}},
		"starting a.service: the job failed":                                   {Job: "failed"},
	} {
		e.Verb, e.Unit = "starting", "a.service"
		if got := e.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestBooted(t *testing.T) {
	here := tree(t, "run/systemd/system/x", "proc/1/root -> ../..")
	chroot := tree(t, "run/systemd/system/x", "proc/1/root -> "+t.TempDir())
	noProc := tree(t, "run/systemd/system/x")
	other := tree(t, "run/x", "proc/1/root -> ../..")
	for root, want := range map[string]bool{here: true, chroot: false, noProc: false, other: false, filepath.Join(here, "none"): false} {
		if got := booted(root); got != want {
			t.Errorf("%s: got %v", root, got)
		}
	}
}

func TestIsUnknown(t *testing.T) {
	remote := godbus.Error{Name: "org.freedesktop.systemd1.NoSuchUnit", Body: []any{"Unit a.service not loaded."}}
	if !isUnknown(fmt.Errorf("stopping: %w", remote)) {
		t.Error("NoSuchUnit is not recognised")
	}
	remote.Name = "org.freedesktop.DBus.Error.AccessDenied"
	if isUnknown(remote) || isUnknown(errors.New("x")) || isUnknown(nil) {
		t.Error("other errors are taken for NoSuchUnit")
	}
}
