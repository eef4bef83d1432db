// Package vm makes virtual machines for what needs a kernel of its own: control groups with all controllers, and a power
// that can be cut. They are the hosts of package host, with Debian's kernel, in QEMU without KVM; one boots in half a
// minute.
package vm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/vm/protocol"
)

// Machine is a virtual machine, on or off.
type Machine struct {
	Disk *Disk

	image   Image
	dir     string // its sockets and its console
	storage net.Listener
	run     *power // nil while it is off
}

// power is a machine from when it is switched on until it is off.
type power struct {
	qemu  *exec.Cmd
	done  chan struct{} // closed when QEMU has ended
	agent net.Conn
	in    *json.Decoder
}

// New returns a machine that is off. Its disk is as the image has it; the seed decides what cuts of the power lose. dir is
// a new folder, with a short name. Close it.
func New(image Image, dir string, seed uint64) (*Machine, error) {
	disk, err := OpenDisk(image.Disk, seed)
	if err != nil {
		return nil, err
	}
	m := &Machine{Disk: disk, image: image, dir: dir}
	if m.storage, err = net.Listen("unix", m.path("disk")); err != nil {
		return nil, errors.Join(err, disk.Close())
	}
	go disk.serve(m.storage)
	return m, nil
}

// Close switches the machine off, if it is on, and forgets its disk.
func (m *Machine) Close() error {
	m.off()
	return errors.Join(m.storage.Close(), m.Disk.Close())
}

func (m *Machine) path(name string) string { return filepath.Join(m.dir, name) }

// Console is what the kernel and systemd have said since the machine was switched on.
func (m *Machine) Console() string {
	text, _ := os.ReadFile(m.path("console"))
	return string(text)
}

// Said is every word that was written to the machine's port /dev/vport0p2 since it was switched on. Nothing takes back
// what was written there.
func (m *Machine) Said() []string {
	text, _ := os.ReadFile(m.path("said"))
	return strings.Fields(string(text))
}

// qemuArgs is the command line of a machine whose sockets are in dir.
func qemuArgs(image Image, dir string) []string {
	return []string{
		"-machine", "pc", "-accel", "tcg", "-cpu", "max", "-m", "1024",
		// Its clock counts instructions: it sees no pauses, however busy this machine is.
		"-icount", "shift=3",
		"-nodefaults", "-no-reboot", "-display", "none", "-serial", "file:" + filepath.Join(dir, "console"),
		"-kernel", image.Kernel, "-initrd", image.Initrd,
		"-append", "root=/dev/vda rw console=ttyS0 quiet no_timer_check panic=-1 systemd.show_status=no",
		// The machine sees a disk with a cache, and every flush reaches it.
		"-drive", "if=virtio,format=raw,cache=writeback,file=nbd+unix:///?socket=" + filepath.Join(dir, "disk"),
		"-device", "virtio-serial-pci", "-device", "virtserialport,chardev=agent,nr=1", "-device", "virtserialport,chardev=said,nr=2",
		"-chardev", "socket,id=agent,server=on,wait=off,path=" + filepath.Join(dir, "agent"),
		"-chardev", "file,id=said,path=" + filepath.Join(dir, "said"),
		"-device", "virtio-rng-pci",
	}
}

// Boot switches the machine on and returns when systemd says that everything was started.
func (m *Machine) Boot(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 5*time.Minute, errors.New("not within five minutes"))
	defer cancel()
	if err := m.start(); err != nil {
		return fmt.Errorf("booting: %w", err)
	}
	err := m.greet(ctx)
	if err == nil {
		_, err = m.Run(ctx, "systemctl", "is-system-running", "--wait")
	}
	if err != nil {
		return fmt.Errorf("booting: %w\n%s", err, m.Console())
	}
	return nil
}

// start starts QEMU, which ends with this process.
func (m *Machine) start() error {
	if err := os.RemoveAll(m.path("agent")); err != nil {
		return err
	}
	p := &power{qemu: exec.Command("qemu-system-x86_64", qemuArgs(m.image, m.dir)...), done: make(chan struct{})}
	log, err := os.Create(m.path("qemu"))
	if err != nil {
		return err
	}
	defer log.Close()
	p.qemu.Stdout, p.qemu.Stderr = log, log
	p.qemu.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		// The signal at the parent's death comes with the death of the thread that started the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.qemu.Start()
		started <- err
		if err == nil {
			_ = p.qemu.Wait() // it is killed, or the machine was switched off
		}
		close(p.done)
	}()
	m.run = p
	return <-started
}

// greet waits for the agent.
func (m *Machine) greet(ctx context.Context) error {
	for {
		conn, err := net.Dial("unix", m.path("agent"))
		if err == nil {
			m.run.agent, m.run.in = conn, json.NewDecoder(conn)
			break
		}
		if err := m.sleep(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("waiting for QEMU: %w", err)
		}
	}
	var word string
	if err := m.receive(ctx, &word); err != nil {
		return fmt.Errorf("waiting for the agent: %w", err)
	}
	if word != protocol.Hello {
		return fmt.Errorf("the agent says %q", word)
	}
	return nil
}

func (m *Machine) sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-m.run.done:
		text, _ := os.ReadFile(m.path("qemu"))
		return fmt.Errorf("QEMU ended: %v %s", m.run.qemu.ProcessState, text)
	case <-time.After(d):
		return nil
	}
}

// receive reads what the agent says next.
func (m *Machine) receive(ctx context.Context, into any) error {
	stop := context.AfterFunc(ctx, func() { m.run.agent.SetReadDeadline(time.Now()) })
	defer stop()
	err := m.run.in.Decode(into)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// Run runs a command in the machine, as root, one at a time. A command that fails is not an error: see Result.Code.
func (m *Machine) Run(ctx context.Context, argv ...string) (host.Result, error) {
	if err := json.NewEncoder(m.run.agent).Encode(protocol.Request{Argv: argv}); err != nil {
		return host.Result{}, fmt.Errorf("running %q: %w", argv, err)
	}
	var reply protocol.Reply
	if err := m.receive(ctx, &reply); err != nil {
		return host.Result{}, fmt.Errorf("running %q: %w", argv, err)
	}
	return host.Result{Stdout: reply.Stdout, Stderr: reply.Stderr, Code: reply.Code}, nil
}

// Output is Run for a command that must succeed: its standard output without the last newline.
func (m *Machine) Output(ctx context.Context, argv ...string) (string, error) {
	result, err := m.Run(ctx, argv...)
	if err == nil && result.Code != 0 {
		err = fmt.Errorf("%s: exit status %d\n%s%s", strings.Join(argv, " "), result.Code, result.Stdout, result.Stderr)
	}
	return strings.TrimSuffix(result.Stdout, "\n"), err
}

// CutPower switches the machine off as a loss of power does, between two instructions of its processor: its memory is
// gone, and of what its disk had not stored some. It returns what Disk.Cut does.
func (m *Machine) CutPower() (cached, lost int) {
	m.off()
	return m.Disk.Cut()
}

// off kills QEMU.
func (m *Machine) off() {
	if m.run == nil {
		return
	}
	_ = m.run.qemu.Process.Kill()
	<-m.run.done
	if m.run.agent != nil {
		m.run.agent.Close()
	}
	m.run = nil
}
