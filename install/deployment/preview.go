package deployment

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/runcspec"
	"github.com/syscontainer/syscontainer/templates"
)

// Preview is what installing an image would write onto a host where nothing is
// installed, for people who make images. Its JSON keys are never renamed.
type Preview struct {
	Name      string          `json:"name"`
	Image     string          `json:"image"`
	Variables []VariableValue `json:"variables"`
	// Files are those that are rendered or made, sorted by path.
	Files []PreviewFile `json:"files"`
	// HostFiles are all entries that the host gets, those of Files among them.
	HostFiles []HostFile `json:"host_files"`
	Warnings  []string   `json:"warnings"`

	// Manifest is the image's, for those who check it.
	Manifest templates.Manifest `json:"-"`
	// Service is the text of the rendered service; nil without one.
	Service []byte `json:"-"`
	// Starts says that the service starts the container.
	Starts bool `json:"-"`
}

// VariableValue is a variable of the image's templates with the value that it has.
type VariableValue struct {
	Name  string `json:"name"`
	Value string `json:"value"` // "" for a secret
	From  Origin `json:"from"`
	// Secret values are credentials of the unit, and shown nowhere.
	Secret bool `json:"secret,omitempty"`
}

// Origin says where a value comes from.
type Origin string

// Where values come from, in the order in which they win.
const (
	Forced     Origin = "syscontainer" // nobody else can set it
	User       Origin = "user"
	Default    Origin = "image"
	HostsOwn   Origin = "host"   // what it is unless somebody says otherwise
	SampleText Origin = "sample" // made up: a user would have to set it
)

// PreviewFile is a file as it is rendered.
type PreviewFile struct {
	Path string `json:"path"` // on the host
	Mode Mode   `json:"mode"`
	// Content is empty for a secret, and for what is not text.
	Content string `json:"content"`
}

// RenderDirectory is Render for files that are yet to become an image, of which
// reference is the directory. What an image's configuration would say is not known:
// a program /entrypoint stands for the command. A directory without exports is an
// [ErrNoExports].
func RenderDirectory(files fs.FS, req Request) (*Preview, error) {
	if info, err := fs.Stat(files, exportsDir); err != nil || !info.IsDir() {
		return &Preview{}, hint.Add(fmt.Errorf("%s: %w", req.Image, ErrNoExports),
			"give the root of an image, or a folder with %s in it, which says how the image is to run", exportsDir)
	}
	image := sampleImage(req.Image)
	image.Config.Config.Entrypoint = []string{"/entrypoint"}
	return Render(image, files, req)
}

// Render compiles an image for a sample host and changes nothing. Variables that a
// user would have to set have sample values, unless the request has theirs. The error
// joins everything for which Install would refuse the image; the preview is there with
// an error, too, as far as it could be made.
func Render(image Image, files fs.FS, req Request) (*Preview, error) {
	name, err := req.ContainerName()
	if err := errors.Join(err, req.Check(name)); err != nil {
		return &Preview{}, err
	}
	c := newCompiler(Input{Name: name, Image: image, Files: files, Request: req, Facts: sampleFacts()})
	if err := c.prepare(); err != nil {
		return &Preview{Name: name, Image: image.Reference}, err
	}
	samples := c.addSamples()
	err = c.checkValues()
	// What cannot be rendered keeps nobody from hearing of the rest.
	err = errors.Join(err, untold(errors.Join(c.build(), c.unreached()), err))
	if err == nil {
		c.warnUnused()
	}
	return c.preview(samples), err
}

// unreached returns what is wrong with the files that build does not come to when
// the service cannot be made.
func (c *compiler) unreached() error {
	if c.plan.To.Unit != "" || c.manifest.NoContainerService {
		return nil
	}
	_, err := c.spec(runcspec.Host{CgroupsPath: "/system.slice/" + UnitName(c.Name) + "/container", Bundle: c.destDir()})
	_, tmpfilesErr := c.render(tmpfilesTemplate, templates.Tmpfiles, nil)
	return errors.Join(err, tmpfilesErr)
}

// untold returns what err says beyond what has been told.
func untold(err, told error) error {
	switch e := err.(type) { //nolint:errorlint // the tree is walked here, link by link
	case nil:
		return nil
	case *hint.Error:
		if rest := untold(e.Err, told); rest != nil {
			return &hint.Error{Err: rest, Text: e.Text}
		}
		return nil
	case interface{ Unwrap() []error }:
		var rest []error
		for _, inner := range e.Unwrap() {
			rest = append(rest, untold(inner, told))
		}
		return errors.Join(rest...)
	}
	if told != nil && slices.ContainsFunc(strings.Split(told.Error(), "\n"), func(line string) bool { return strings.HasSuffix(err.Error(), line) }) {
		return nil
	}
	return err
}

// addSamples gives values to variables that have none and need one. It returns their
// names.
func (c *compiler) addSamples() []string {
	uses, _ := c.usedVariables() // checkValues tells what is wrong
	for name, setting := range c.manifest.Values {
		if setting.Required {
			uses = append(uses, name)
		}
	}
	var names []string
	for _, name := range uses {
		setting := c.manifest.Values[name]
		if _, has := c.values[name]; has || setting.Secret && !setting.Required || c.secrets[name] != "" {
			continue
		}
		value := sampleValue(setting)
		if setting.Check(name, value) != nil {
			continue // only its author knows what matches the pattern
		}
		if setting.Secret {
			c.secrets[name] = value
		} else {
			c.values[name] = value
		}
		names = append(names, name)
	}
	return names
}

// sampleValue is a value of the type. Where that is not known, it is one that is a
// text, a number and a piece of JSON.
func sampleValue(s templates.Setting) string {
	switch s.Type {
	case templates.Bool:
		return "true"
	case templates.Port:
		return "8080"
	case templates.URL:
		return "http://sample.example"
	case templates.Path:
		return "/srv/sample"
	case templates.Choices:
		return s.Enum[0]
	case templates.Int, templates.String:
	}
	return "1"
}

func (c *compiler) preview(samples []string) *Preview {
	p := &Preview{
		Name: c.Name, Image: c.Image.Reference, Variables: c.variableValues(samples), Files: []PreviewFile{},
		HostFiles: c.plan.To.Files, Warnings: append([]string{}, c.plan.Warnings...), Manifest: c.manifest,
		Starts: c.unit.Runs(LauncherPath),
	}
	onHost := map[string]HostFile{}
	for _, f := range c.entries {
		onHost[f.Source] = f
	}
	for _, f := range c.plan.Rendered {
		shown := PreviewFile{Path: path.Join(c.destDir(), f.Path), Mode: f.Mode}
		if entry, ok := onHost[f.Path]; ok {
			shown.Path, shown.Mode = entry.Path, entry.Mode
		}
		if utf8.Valid(f.Data) && !strings.HasPrefix(f.Path, credentialsDir+"/") {
			shown.Content = string(f.Data)
		}
		if f.Path == UnitName(c.Name) {
			p.Service = f.Data
		}
		p.Files = append(p.Files, shown)
	}
	slices.SortFunc(p.Files, func(a, b PreviewFile) int { return strings.Compare(a.Path, b.Path) })
	return p
}

// variableValues are the variables that the image uses or describes.
func (c *compiler) variableValues(samples []string) []VariableValue {
	names := map[string]bool{}
	uses, _ := c.usedVariables()
	for _, name := range slices.Concat(uses, slices.Collect(maps.Keys(c.manifest.Defaults())), slices.Collect(maps.Keys(c.manifest.Values))) {
		names[name] = true
	}
	list := []VariableValue{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		_, secret := c.secrets[name]
		value, has := c.values[name]
		if has || secret {
			list = append(list, VariableValue{Name: name, Value: value, From: c.origin(name, samples), Secret: secret})
		}
	}
	return list
}

func (c *compiler) origin(name string, samples []string) Origin {
	_, set := c.set[name]
	_, secret := c.secrets[name]
	_, image := c.manifest.Defaults()[name]
	switch {
	case templates.IsForced(name):
		return Forced
	case slices.Contains(samples, name):
		return SampleText
	case set || secret:
		return User
	case image:
		return Default
	}
	return HostsOwn
}

// ErrNoExports says that a directory does not hold what makes an image a system
// container.
var ErrNoExports = errors.New("there is no directory exports")
