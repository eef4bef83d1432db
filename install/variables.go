package install

import (
	"io/fs"
	"path"
	"slices"

	"github.com/syscontainer/syscontainer/templates"
)

// Variable is one that the templates of an image use.
type Variable struct {
	Name string `json:"name"`
	// Default is the image's; Required when it has none, and neither has the host.
	Default  string `json:"default"`
	Required bool   `json:"required"`
}

// Variables lists what may be set of an image, sorted: what its templates use and
// what its manifest has defaults for. An image without /exports has none.
func Variables(image Image, files fs.FS) ([]Variable, error) {
	c := &compiler{image: image, files: files}
	if err := c.readManifest(); err != nil {
		return nil, err
	}
	used := c.manifest.Variables()
	for name := range c.manifest.DefaultValues {
		used = append(used, name)
	}
	names := []string{serviceTemplate, configTemplate, tmpfilesTemplate}
	for _, file := range c.manifest.InstalledFilesTemplate {
		names = append(names, path.Join(hostFilesTree, c.renamedFrom(file)))
	}
	for _, name := range names {
		text, err := c.read(name)
		if err != nil {
			return nil, err
		}
		template, err := templates.Parse(name, text)
		if err != nil {
			return nil, err
		}
		used = append(used, template.Variables()...)
	}
	slices.Sort(used)
	list := []Variable{}
	for _, name := range slices.Compact(used) {
		value, ok := c.manifest.DefaultValues[name]
		if !templates.IsForced(name) && (ok || !hasHostDefault(name)) {
			list = append(list, Variable{Name: name, Default: value, Required: !ok})
		}
	}
	return list, nil
}

// renamedFrom is the path in the image of a host file, as the manifest words it.
func (c *compiler) renamedFrom(file string) string {
	for from, to := range c.manifest.RenameFiles {
		if to == file {
			return from
		}
	}
	return file
}

// hasHostDefault tells the variables that every host gives a value, see
// mergeValues.
func hasHostDefault(name string) bool {
	return slices.Contains([]string{
		"RUN_DIRECTORY", "STATE_DIRECTORY", "CONF_DIRECTORY", "RUNTIME", "ATOMIC",
		"ALL_PROCESS_CAPABILITIES", "PIDFILE", "UUID",
	}, name)
}
