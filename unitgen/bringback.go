package unitgen

import "slices"

// BringBack returns the text of a drop-in for a unit that dependent requires; see
// DropInSpec.Dependents. launcher is the absolute path of our launcher. The error is a
// *NameError when dependent is not a service.
func BringBack(launcher, dependent string) ([]byte, error) {
	var w writer
	w.comment("Written by syscontainer. " + dependent + " requires this unit, and is to come back when this unit\n" +
		"does after a failure. To keep it down, disable it.")
	w.section("Service")
	w.bringBack(launcher, dependent)
	return w.result()
}

// bringBack has a unit start a dependent once the unit is ready, unless the dependent is
// disabled. What starts it earlier, as Upholds= and Wants= do, makes systemd 254 and later
// start a unit that waits for its restart at once, again and again, without regard to its
// RestartSec=. A dependent that cannot be started is no failure of the unit.
func (w *writer) bringBack(launcher, dependent string) {
	name, suffix, _ := cutLast(dependent, '.')
	if suffix != "service" {
		w.check(&NameError{Name: dependent, Reason: "is not a service"})
	}
	w.check(CheckName(name))
	w.set("ExecStartPost", "-+"+w.path("ExecStartPost", launcher)+" --bring-back "+dependent)
}

// RequiredBy returns the services that do not run without the unit once it is enabled, as
// far as they are not made from templates.
func (u Unit) RequiredBy() []string {
	var services []string
	for _, word := range u.Words("Install", "RequiredBy") {
		name, suffix, _ := cutLast(word, '.')
		if suffix == "service" && CheckName(name) == nil && !slices.Contains(services, word) {
			services = append(services, word)
		}
	}
	return services
}

// Requires returns the services without which the unit does not run.
func (u Unit) Requires() []string {
	var services []string
	for _, setting := range []string{"Requires", "Requisite", "BindsTo"} {
		for _, word := range u.Words("Unit", setting) {
			_, suffix, _ := cutLast(word, '.')
			if suffix == "service" && CheckUnitName(word) == nil && !slices.Contains(services, word) {
				services = append(services, word)
			}
		}
	}
	return services
}
