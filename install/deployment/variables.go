package deployment

import (
	"io/fs"
	"slices"

	"github.com/syscontainer/syscontainer/templates"
)

// Variable is one that the templates of an image use or that it describes.
type Variable struct {
	Name string `json:"name"`
	// Default is the image's; Required when there has to be a value and neither the
	// image nor the host has one.
	Default  string `json:"default"`
	Required bool   `json:"required"`
	// What the image says of it.
	Type        templates.Type `json:"type"`
	Description string         `json:"description,omitempty"`
	Enum        []string       `json:"enum,omitempty"`
	Pattern     string         `json:"pattern,omitempty"`
	Secret      bool           `json:"secret,omitempty"`
}

// Kind says in a few words what a value of the variable is, "" when nobody knows.
func (v Variable) Kind() string {
	return describeSetting(templates.Setting{Type: v.Type, Description: v.Description, Enum: v.Enum, Secret: v.Secret})
}

// Variables lists what may be set of an image, sorted: what its templates use and
// what its manifest has defaults for or describes. An image without /exports has
// none.
func Variables(image Image, files fs.FS) ([]Variable, error) {
	c := newCompiler(Input{Image: image, Files: files})
	if err := c.readManifest(); err != nil {
		return nil, err
	}
	return c.variables()
}

func (c *compiler) variables() ([]Variable, error) {
	uses, err := c.usedVariables()
	if err != nil {
		return nil, err
	}
	defaults := c.manifest.Defaults()
	names := slices.Clone(uses)
	for name := range defaults {
		names = append(names, name)
	}
	for name := range c.manifest.Values {
		names = append(names, name)
	}
	slices.Sort(names)
	list := []Variable{}
	for _, name := range slices.Compact(names) {
		setting, described := c.manifest.Values[name]
		value, ok := defaults[name]
		if templates.IsForced(name) || !ok && !described && hasHostDefault(name) {
			continue
		}
		needed := !ok && !hasHostDefault(name) && slices.Contains(uses, name)
		v := Variable{
			Name: name, Default: value, Required: setting.Required || needed,
			Type: templates.String, Description: setting.Description, Enum: setting.Enum, Pattern: setting.Pattern, Secret: setting.Secret,
		}
		if described {
			v.Type = setting.Type
		}
		list = append(list, v)
	}
	return list, nil
}

// usedVariables are those of the image's templates; one may be there repeatedly.
func (c *compiler) usedVariables() ([]string, error) {
	list, err := c.templates()
	var names []string
	for _, t := range list {
		names = append(names, t.Variables()...)
	}
	return names, err
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
