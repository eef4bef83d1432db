package unitgen

import "slices"

// BringBack returns the text of a drop-in for a unit that dependent requires. systemd
// starts dependent with the unit, and when the unit fails to start, dependent fails as
// well; but when the unit comes up after all, nothing starts dependent again. With the
// drop-in the unit does, unless dependent is disabled. It waits until the unit is ready:
// what starts dependent earlier, as Upholds= and Wants= do, makes systemd 254 and later
// start the unit at once as well, again and again, without regard to its RestartSec=.
//
// The error is a *NameError when dependent is not NAME.service of a container.
func BringBack(dependent string) ([]byte, error) {
	name, _, _ := cutLast(dependent, '.')
	if err := CheckName(name); err != nil { // a shell reads it
		return nil, err
	}
	var w writer
	w.check(CheckUnitName(dependent))
	w.comment("Written by syscontainer. " + dependent + " requires this unit, and is to come back when this unit\n" +
		"does after a failure. To keep it down, disable it.")
	w.section("Service")
	w.set("ExecStartPost", `-+/bin/sh -c "systemctl --quiet is-enabled `+dependent+` && exec systemctl --no-block start `+dependent+`"`)
	return w.result()
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
