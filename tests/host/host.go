package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Options say what a machine is like. The zero value is Debian and nothing else.
type Options struct {
	Layers []string          // folders that look like /, over Debian's tree; see Lab.Root
	Root   *Root             // boots this root, which stays the caller's to close; Layers is not used then
	Mounts map[string]string // folders of this machine to see inside: path inside -> path here
	Name   string            // its host name; "" is node
	// Patience is how long a boot may take; 0 is a minute.
	Patience time.Duration

	Network *Network     // that its interface host0 is plugged into; nil: it is alone
	Address netip.Prefix // of host0, and not the first of the network; not used when Root is set
}

// Host is a running machine.
type Host struct {
	*Root

	own     bool // the root is closed with the machine
	options Options
	console string
	nspawn  *exec.Cmd
	done    chan struct{} // closed when nspawn has ended
	ended   error         // how; to be read after done
	leader  int           // PID 1 of the machine, seen from here
}

// Boot makes a machine and returns when systemd says that everything was started. Close it, also after a failed test.
// After an error nothing is left.
func (l *Lab) Boot(ctx context.Context, o Options) (*Host, error) {
	h := &Host{Root: o.Root, options: o}
	if h.Root == nil {
		root, err := l.ownRoot(o)
		if err != nil {
			return nil, err
		}
		h.Root, h.own = root, true
	}
	h.console = filepath.Join(h.state, "console")
	if err := h.boot(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("booting %s: %w\n%s", h.name, err, tail(h.console)), h.Close())
	}
	return h, nil
}

// ownRoot makes the root of a machine that brings none.
func (l *Lab) ownRoot(o Options) (*Root, error) {
	if o.Network == nil {
		return l.Root(o.Layers...)
	}
	layer, err := l.TempDir()
	if err != nil {
		return nil, err
	}
	if err := plug(layer, o.Address); err != nil {
		return nil, err
	}
	return l.Root(append(slices.Clone(o.Layers), layer)...)
}

// nspawnArgs is the command line that boots the tree dir.
func nspawnArgs(name, dir string, o Options) []string {
	args := []string{
		"--quiet", "--directory=" + dir, "--boot", "--machine=" + name, "--hostname=" + cmp.Or(o.Name, "node"),
		"--register=no", "--keep-unit", "--private-network", "--capability=all",
		"--system-call-filter=@keyring", "--system-call-filter=bpf",
		"--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=pipe",
	}
	if o.Network != nil {
		args = append(args, "--network-bridge="+bridge)
	}
	var binds []string
	for inside, here := range o.Mounts {
		binds = append(binds, "--bind="+here+":"+inside)
	}
	slices.Sort(binds)
	return append(args, binds...)
}

func (h *Host) boot(ctx context.Context) error {
	if err := h.start(); err != nil {
		return err
	}
	return h.awaitBoot(ctx)
}

func (h *Host) start() error {
	console, err := os.Create(h.console)
	if err != nil {
		return err
	}
	defer console.Close()
	cgroup, err := makeCgroup(h.name)
	if err != nil {
		return err
	}
	defer cgroup.Close()

	h.nspawn = exec.Command("systemd-nspawn", nspawnArgs(h.name, h.Dir, h.options)...)
	h.nspawn.Env = append(os.Environ(), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1")
	h.nspawn.Stdout, h.nspawn.Stderr = console, console
	h.nspawn.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig:   syscall.SIGKILL,
		UseCgroupFD: true,
		CgroupFD:    int(cgroup.Fd()),
	}
	h.done = make(chan struct{})
	started := make(chan error)
	go func() {
		// The signal at the parent's death comes with the death of the thread that started the process. The
		// thread may be in a network of its own, so it ends with the machine.
		runtime.LockOSThread()
		err := h.startIn(h.options.Network)
		started <- err
		if err == nil {
			h.ended = h.nspawn.Wait()
		}
		close(h.done)
	}()
	return <-started
}

// startIn starts nspawn from the calling thread, which enters the network first, if there is one.
func (h *Host) startIn(network *Network) error {
	if network != nil {
		if err := network.enter(); err != nil {
			return err
		}
	}
	return h.nspawn.Start()
}

// awaitBoot waits for PID 1, and until it has started everything.
func (h *Host) awaitBoot(ctx context.Context) error {
	patience := cmp.Or(h.options.Patience, time.Minute)
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not within %v", patience))
	defer cancel()
	err := until(ctx, "systemd runs", func() (bool, error) {
		select {
		case <-h.done:
			return false, fmt.Errorf("systemd-nspawn ended: %w", h.ended)
		default:
		}
		h.leader = childOf(h.nspawn.Process.Pid)
		if h.leader == 0 {
			return false, nil
		}
		_, err := os.Stat(fmt.Sprintf("/proc/%d/root/run/systemd/private", h.leader))
		return err == nil, nil
	})
	if err != nil {
		return err
	}
	state, err := h.Run(ctx, "systemctl", "is-system-running", "--wait")
	if err != nil {
		return err
	}
	switch word := strings.TrimSpace(state.Stdout); word {
	case "running", "degraded": // degraded: a unit failed, which may be just what a test wants to see
		return nil
	default:
		return fmt.Errorf("systemd says %q %s", word, state.Stderr)
	}
}

// childOf returns the child of a process, or 0. A systemd-nspawn that is up has one, the machine's PID 1.
func childOf(pid int) int {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(children))
	if len(fields) != 1 {
		return 0
	}
	child, _ := strconv.Atoi(fields[0])
	return child
}

// wantsReboot is the exit status of a systemd-nspawn whose machine asked for a reboot.
const wantsReboot = 133

// Reboot restarts the machine as `systemctl reboot` does, and returns when it is up again.
func (h *Host) Reboot(ctx context.Context) error {
	if _, err := h.Run(ctx, "systemctl", "reboot"); err != nil {
		return err
	}
	on, err := h.comeBack(ctx)
	if err == nil && !on {
		err = fmt.Errorf("rebooting %s: it is off\n%s", h.name, tail(h.console))
	}
	return err
}

// comeBack waits for the end of a machine that shuts down, and boots it again if that is what it asked for: on tells.
func (h *Host) comeBack(ctx context.Context) (on bool, err error) {
	if err := h.awaitEnd(ctx); err != nil {
		return false, fmt.Errorf("shutting %s down: %w", h.name, err)
	}
	if h.nspawn.ProcessState.ExitCode() != wantsReboot {
		return false, nil
	}
	if err := h.boot(ctx); err != nil {
		return false, fmt.Errorf("rebooting %s: %w\n%s", h.name, err, tail(h.console))
	}
	return true, nil
}

func (h *Host) awaitEnd(ctx context.Context) error {
	select {
	case <-h.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Poweroff shuts the machine down in an orderly way. Its root stays until Close.
func (h *Host) Poweroff(ctx context.Context) error {
	if _, err := h.Run(ctx, "systemctl", "poweroff"); err != nil {
		return err
	}
	if err := h.awaitEnd(ctx); err != nil {
		return fmt.Errorf("powering %s off: %w", h.name, err)
	}
	return nil
}

// Close switches the machine off at once and, unless the root was the caller's, removes everything it wrote. It is
// fine after Poweroff.
func (h *Host) Close() error {
	if h.nspawn != nil && h.nspawn.Process != nil {
		_ = h.nspawn.Process.Kill()
		<-h.done
	}
	problems := []error{removeCgroup(h.name)}
	if h.own {
		problems = append(problems, h.Root.Close())
	}
	return errors.Join(problems...)
}
