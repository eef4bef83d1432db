package unitgen

import (
	"cmp"
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

	// Type is that of the unit as the image wrote it, Unit.Type(); "" is simple.
	// The launcher reports the main process by sd_notify, so what is not a kind
	// of notify yet becomes it; a type whose meaning would be lost is refused.
	Type string

	// KillSignal is the image's stop signal in any form that images use (SIGINT,
	// INT, 2, RTMIN+3); "" leaves the unit's own setting.
	KillSignal string

	After, Before, Requires, Wants []string // units, in addition to the image's

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
	w.serviceType(d.Type)
	w.set("NotifyAccess", "all")
	w.set("Delegate", "yes")
	w.set("ExecStopPost", "-"+w.path("ExecStopPost", d.Runtime)+" delete --force "+d.Name)
	w.set("KillMode", "mixed")
	w.killSignal(d.KillSignal)
	w.set("SyslogIdentifier", d.Name)
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

func (w *writer) serviceType(t string) {
	switch cmp.Or(t, "simple") {
	case "notify-reload":
		w.set("Type", "notify") // for systemd before 253, which skips the next line
		w.set("Type", t)
	case "notify", "simple", "exec":
		w.set("Type", "notify")
	default:
		w.check(&ValueError{Setting: "Type", Value: t,
			Reason: "cannot run a container; simple, exec, notify and notify-reload can"})
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
