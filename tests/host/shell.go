package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Shell gives a terminal, or other files, to a shell inside the machine, and to a new one whenever the machine has
// rebooted. It returns when a shell ends by itself, or when the machine is off: on tells which.
func (h *Host) Shell(ctx context.Context, in, out, complaints *os.File) (on bool, err error) {
	shell := []string{"env", "TERM=" + cmp.Or(os.Getenv("TERM"), "dumb"), "bash", "--login"}
	for on = true; on; {
		err := h.attach(ctx, streams{in, out, complaints}, machineNamespaces(), shell)
		if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok { // how the last command in it ended is no concern of ours
			return on, err
		}
		if !h.goesDown() {
			return on, nil
		}
		if on, err = h.comeBack(ctx); err != nil {
			return on, err
		}
	}
	return on, nil
}

// goesDown tells whether the machine is off, or at the end of its shutdown, at which it ends what belongs to no unit.
func (h *Host) goesDown() bool {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", h.leader))
	return err != nil || strings.TrimSpace(string(name)) != "systemd"
}
