package unitgen

import (
	"errors"
	"slices"
	"strings"
)

// RecoverUnit finishes or undoes interrupted changes at boot; every container's
// unit comes after it.
const RecoverUnit = "syscontainer-recover.service"

// A DropInSpec is what the drop-in of a container's unit depends on.
type DropInSpec struct {
	Name      string // of the container
	DeployDir string // absolute; what it is mounted from is mounted first
	Runtime   string // absolute path of the OCI runtime

	// Unit is the unit as the image wrote it. What it says holds, where the launcher
	// does not need something else. The launcher reports the main process by sd_notify,
	// so a simple service becomes one that notifies; settings with which no container
	// can start are refused.
	Unit Unit

	// KillSignal is the image's stop signal in any form that images use (SIGINT,
	// INT, 2, RTMIN+3); "" leaves the unit's own setting.
	KillSignal string

	After, Before, Requires, Wants []string // units, in addition to the image's

	// Dependents are services that require the unit. systemd starts them with it, and they
	// fail when it fails to start; but nothing starts them again when it comes up after
	// all. The unit does, once it is ready, by way of the launcher.
	Dependents []string
	Launcher   string // absolute path; not used without Dependents

	Credentials []Credential // for the service, in this order

	// RuntimeDirectory is a path below /run that is the service's while it runs; ""
	// when it needs none of ours.
	RuntimeDirectory string
}

// A Credential is a secret that systemd reads from a file when the service starts.
type Credential struct {
	Name string // letters, digits, "_", "-" and "."
	Path string // absolute
}

// DropIn returns the text of the drop-in that makes a unit run its container as
// the launcher needs it. No value can add a line: an empty KillSignal or list of
// units has none, notify-reload has two, all else has one. An error joins a
// *NameError or *ValueError for each thing that is wrong.
func DropIn(d DropInSpec) ([]byte, error) {
	var w writer
	w.check(CheckName(d.Name))
	w.comment("Written by syscontainer, again with every change of the container.\n" +
		"To change a setting, use: systemctl edit " + d.Name)
	w.section("Unit")
	w.set("After", RecoverUnit)
	w.set("RequiresMountsFor", w.path("RequiresMountsFor", d.DeployDir))
	w.units("After", d.After)
	w.units("Before", d.Before)
	w.units("Requires", d.Requires)
	w.units("Wants", d.Wants)
	w.section("Service")
	w.obstacles(d.Unit)
	w.serviceType(d.Unit.Type())
	w.unless(d.Unit, "NotifyAccess", "all", "none")
	w.delegate(d.Unit)
	for _, dependent := range d.Dependents {
		w.bringBack(d.Launcher, dependent)
	}
	w.set("ExecStopPost", "-"+w.path("ExecStopPost", d.Runtime)+" delete --force "+d.Name)
	w.unless(d.Unit, "KillMode", "mixed", "")
	w.killSignal(d.KillSignal)
	w.unless(d.Unit, "SyslogIdentifier", d.Name, "")
	for _, c := range d.Credentials {
		w.credential(c)
	}
	if d.RuntimeDirectory != "" {
		w.set("RuntimeDirectory", strings.TrimPrefix(w.path("RuntimeDirectory", "/"+d.RuntimeDirectory), "/"))
	}
	return w.result()
}

// A writer gathers the lines of a unit file and what is wrong with them.
type writer struct {
	text strings.Builder
	errs []error
}

func (w *writer) result() ([]byte, error) {
	if err := errors.Join(w.errs...); err != nil {
		return nil, err
	}
	return []byte(w.text.String()), nil
}

func (w *writer) check(err error) {
	if err != nil {
		w.errs = append(w.errs, err)
	}
}

func (w *writer) comment(text string) {
	w.text.WriteString("# " + strings.ReplaceAll(text, "\n", "\n# ") + "\n")
}

func (w *writer) section(name string) {
	w.text.WriteString("\n[" + name + "]\n")
}

// set writes a value that is escaped already.
func (w *writer) set(key, value string) {
	w.text.WriteString(key + "=" + value + "\n")
}

func (w *writer) path(setting, p string) string {
	quoted, err := quotePath(setting, p)
	w.check(err)
	return quoted
}

// units writes a list of units as one line: without repetitions, in the order
// given, and nothing for an empty list.
func (w *writer) units(key string, units []string) {
	var list []string
	for _, unit := range units {
		w.check(CheckUnitName(unit))
		if !slices.Contains(list, unit) {
			list = append(list, unit)
		}
	}
	if len(list) > 0 {
		w.set(key, strings.Join(list, " "))
	}
}

// credential writes a line whose path is the rest of it, whatever quotes or blanks
// are in it.
func (w *writer) credential(c Credential) {
	const setting = "LoadCredential"
	if c.Name == "" || strings.Trim(c.Name, letters+digits+"_-.") != "" {
		w.check(&ValueError{Setting: setting, Value: c.Name, Reason: "is not the name of a credential"})
	}
	if reason := pathProblem(c.Path); reason != "" {
		w.check(&ValueError{Setting: setting, Value: c.Path, Reason: reason})
	}
	w.set(setting, c.Name+":"+strings.ReplaceAll(c.Path, "%", "%%"))
}

// unless sets what the unit does not say, or says so that it means useless.
func (w *writer) unless(u Unit, key, value, useless string) {
	if says, _ := u.Last("Service", key); says == "" || says == useless {
		w.set(key, value)
	}
}

// delegate makes the unit's control group the launcher's to divide. A unit may name
// the controllers of it.
func (w *writer) delegate(u Unit) {
	if says, _ := u.Last("Service", "Delegate"); says == "" || isFalse(says) {
		w.set("Delegate", "yes")
	}
}

// serviceType keeps what the type means. A forking service is up when its starter has
// ended, which is when the launcher says so; a oneshot is a launcher that waits.
func (w *writer) serviceType(t string) {
	switch t {
	case "notify-reload":
		w.set("Type", "notify") // for systemd before 253, which skips the next line
		w.set("Type", t)
	case "notify", "simple", "exec", "idle", "forking":
		w.set("Type", "notify")
	case "oneshot", "dbus":
	default:
		w.check(&ValueError{Setting: "Type", Value: t, Reason: "is not a type of service that systemd knows"})
	}
}

// obstacles refuses settings of the service with which the launcher or the runtime
// cannot work. What they are meant for, config.json can say.
func (w *writer) obstacles(u Unit) {
	const root = "cannot hold for a container: the runtime must be root; set process.user in config.json"
	const files = "cannot hold for a container: it has a root of its own in config.json"
	const cgroups = "cannot hold for a container: the runtime must make its control group"
	for _, o := range []struct{ key, harmless, reason string }{
		{"User", "root", root}, {"Group", "root", root}, {"DynamicUser", "no", root},
		{"RootDirectory", "/", files}, {"RootImage", "", files}, {"ProtectControlGroups", "no", cgroups},
	} {
		value, _ := u.Last("Service", o.key)
		if value != "" && value != o.harmless && !isFalse(value) {
			w.check(&ValueError{Setting: o.key, Value: value, Reason: o.reason})
		}
	}
}

func (w *writer) killSignal(signal string) {
	if signal == "" {
		return
	}
	name, err := signalName(signal)
	w.check(err)
	w.set("KillSignal", name)
}
