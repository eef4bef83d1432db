package deployment

import (
	"fmt"
	"path"
	"slices"

	"github.com/syscontainer/syscontainer/unitgen"
)

// compileComeback plans that the container comes back with the services that it requires,
// whoever brings these, and in whatever order they are installed.
func (c *compiler) compileComeback(unit unitgen.Unit) error {
	if !unit.HasInstall() {
		return nil // only what can be enabled is to run whenever it can
	}
	for _, service := range slices.Compact(slices.Sorted(slices.Values(append(unit.Requires(), c.required()...)))) {
		if service == c.plan.To.Unit {
			continue
		}
		text, err := unitgen.BringBack(LauncherPath, c.plan.To.Unit)
		if err != nil {
			return fmt.Errorf("making the drop-in of %s: %w", service, err)
		}
		c.addFile(ComebackPath(service, c.Name), path.Join(comebackDir, service+".conf"), text, 0o644)
	}
	return nil
}

// required are the services of --requires.
func (c *compiler) required() []string {
	return slices.DeleteFunc(slices.Clone(c.Request.Relations.Requires), func(unit string) bool { return path.Ext(unit) != ".service" })
}
