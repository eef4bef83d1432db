package host_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

// cache is the one that every test of the repository shares.
const cache = "../../.cache"

var lab *host.Lab

func TestMain(m *testing.M) {
	var err error
	lab, err = host.Open(context.Background(), cache, host.Bookworm)
	if err != nil {
		log.Fatal(err)
	}
	if os.Getenv(toBeKilled) != "" {
		bootAndWait()
	}
	code := m.Run()
	if err := lab.Close(); err != nil {
		log.Fatal(err)
	}
	os.Exit(code)
}

// toBeKilled is the environment variable that makes this program one that boots a machine and waits.
const toBeKilled = "SYSCONTAINER_TEST_TO_BE_KILLED"

func bootAndWait() {
	h, err := lab.Boot(context.Background(), host.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(h.Dir)
	select {}
}

func TestNothingIsLeftOfAProcessThatWasKilled(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), toBeKilled+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	dir, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	dir = strings.TrimSpace(dir)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()

	next, err := host.Open(t.Context(), cache, host.Bookworm)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if _, err := os.Stat(filepath.Dir(dir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there", dir)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || strings.Contains(string(mounts), dir) {
		t.Errorf("%s is still mounted (%v)", dir, err)
	}
}

func TestBootsWithSystemdAndNothingFailed(t *testing.T) {
	m := hosttest.Boot(t, lab, host.Options{})
	if state := m.Must("systemctl", "is-system-running"); state != "running" {
		t.Errorf("the machine is %s:\n%s", state, m.Must("systemctl", "--failed"))
	}
	if comm := m.Must("cat", "/proc/1/comm"); comm != "systemd" {
		t.Errorf("PID 1 is %s", comm)
	}
}

func TestTwoAtOnceAreApart(t *testing.T) {
	one, two := hosttest.Boot(t, lab, host.Options{}), hosttest.Boot(t, lab, host.Options{})
	one.Must("sh", "-c", "echo one >/etc/which; sleep 600 >/dev/null 2>&1 &")
	if found := two.Try("test", "-e", "/etc/which"); found.Code == 0 {
		t.Error("the second machine has the first one's file")
	}
	if found := two.Try("pgrep", "sleep"); found.Code == 0 {
		t.Error("the second machine has the first one's process")
	}
	if links := two.Must("ls", "/sys/class/net"); links != "lo" {
		t.Errorf("the machine has the network links %s", links)
	}
}

func TestRebootKeepsTheDisk(t *testing.T) {
	m := hosttest.Boot(t, lab, host.Options{})
	m.Must("sh", "-c", "echo kept >/etc/which; echo lost >/run/which")
	boot := m.Must("cat", "/proc/sys/kernel/random/boot_id")
	if err := m.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	if text := m.Must("cat", "/etc/which"); text != "kept" {
		t.Errorf("/etc/which says %q", text)
	}
	if m.Try("test", "-e", "/run/which").Code == 0 || m.Must("cat", "/proc/sys/kernel/random/boot_id") == boot {
		t.Error("this is still the boot before")
	}
}

// session is what a shell reads. The machine ends each sleep. systemctl may complain that systemd went before it answered.
const session = `
systemctl reboot
sleep infinity
echo rebooted
systemctl is-system-running
systemctl poweroff
sleep infinity
echo this machine is off
`

func TestAShellSurvivesAReboot(t *testing.T) {
	m := hosttest.Boot(t, lab, host.Options{})
	file := filepath.Join(t.TempDir(), "session")
	if err := os.WriteFile(file, []byte(session), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(file + ".out")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if on, err := m.Shell(ctx, in, out, os.Stderr); on || err != nil {
		t.Errorf("the machine is on: %v, %v", on, err)
	}
	said, err := os.ReadFile(out.Name())
	if string(said) != "rebooted\nrunning\n" || err != nil {
		t.Errorf("the shells said %q, %v", said, err)
	}
}

func TestRunTellsHowACommandEnded(t *testing.T) {
	m := hosttest.Boot(t, lab, host.Options{})
	result := m.Try("sh", "-c", "echo out; echo err >&2; exit 3")
	if result != (host.Result{Stdout: "out\n", Stderr: "err\n", Code: 3}) {
		t.Errorf("%+v", result)
	}
	if result := m.Try("sh", "-c", "kill -9 $$"); result.Code != 137 {
		t.Errorf("a killed command ended with %d", result.Code)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 1)
	defer cancel()
	if _, err := m.Run(ctx, "sleep", "60"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after the time was over: %v", err)
	}
}

func TestSnapshotSeesEveryChange(t *testing.T) {
	m := hosttest.Boot(t, lab, host.Options{})
	before := m.Disk()
	hosttest.Same(t, before, m.Disk())

	m.Must("touch", "/etc/passwd")
	m.Must("sh", "-c", "cat /etc/group >/var/group && cat /var/group >/etc/group && rm /var/group")
	hosttest.Same(t, before, m.Disk())

	m.Must("sh", "-c", `
		echo x >>/etc/passwd; chmod 600 /etc/group; rm /etc/issue; mkdir /opt/new; ln -sfn elsewhere /etc/localtime
		chown 1:1 /srv; echo y >/opt/new/file`)
	var changed []string
	for _, line := range before.Diff(m.Disk()) {
		path, what, _ := strings.Cut(line, ": ")
		changed = append(changed, path+" "+strings.Split(what, ":")[0])
	}
	want := "/etc/group changed,/etc/issue gone,/etc/localtime changed,/etc/passwd changed,/opt/new new," +
		"/opt/new/file new,/srv changed"
	if got := strings.Join(changed, ","); got != want {
		t.Errorf("changes %s\n   want %s", got, want)
	}
	if left := before.Diff(m.Disk("/etc", "/opt", "/srv")); len(left) == 0 {
		t.Error("an exception hides nothing")
	}
}

func TestBootsARootThatWasPreparedBefore(t *testing.T) {
	layer := t.TempDir()
	if err := os.MkdirAll(filepath.Join(layer, "srv"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(layer, "srv/layer"), []byte("layer"), 0o644); err != nil {
		t.Fatal(err)
	}
	root, err := lab.Root(layer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := root.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(filepath.Join(root.Dir, "srv/written"), []byte("before boot"), 0o644); err != nil {
		t.Fatal(err)
	}
	m := hosttest.Boot(t, lab, host.Options{Root: root, Mounts: map[string]string{"/mnt": layer}})
	if got := m.Must("cat", "/srv/layer", "/srv/written", "/mnt/srv/layer"); got != "layerbefore bootlayer" {
		t.Errorf("the machine has %q", got)
	}
	if err := m.Poweroff(t.Context()); err != nil {
		t.Fatal(err)
	}
	if log, err := m.Journal(t.Context(), ""); err != nil || !strings.Contains(log, "Reached target") {
		t.Errorf("the log of a machine that is off: %v\n%s", err, log)
	}
}
