package lint

import (
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/templates"
	"github.com/syscontainer/syscontainer/unitgen"
)

// exportDirectory finds the folder whose name lacks an s.
func (c *checker) exportDirectory() {
	if info, err := fs.Stat(c.Files, "export"); err == nil && info.IsDir() {
		c.add(Finding{Code: "export-directory", Severity: Warning, File: "export", Text: "nobody looks into /export", Hint: "the folder's name is exports"})
	}
}

// manifest finds what manifest.json has and nobody reads.
func (c *checker) manifest() {
	for _, key := range c.Preview.Manifest.UnknownKeys {
		c.add(Finding{
			Code: "unknown-key", Severity: Warning, File: manifestFile, Line: c.manifestLine(key),
			Text: "the key \"" + key + "\" is unknown, and ignored", Hint: "see the keys of manifest.json in the format of images",
		})
	}
	for _, key := range c.Preview.Manifest.DuplicateKeys {
		c.add(Finding{Code: "duplicate-key", Severity: Warning, File: manifestFile, Text: key + " is there more than once; the last one counts"})
	}
}

// variables finds those that nobody has given a value. One that the manifest calls
// required is meant to be set.
func (c *checker) variables() {
	for _, v := range c.Preview.Variables {
		setting, described := c.Preview.Manifest.Values[v.Name]
		if v.From != deployment.SampleText || setting.Required {
			continue
		}
		f := Finding{
			Code: "missing-variable", Severity: Error, Text: "no value for $" + v.Name,
			Hint: "give it a default in manifest.json, or describe it there in values with \"required\": true",
		}
		if described {
			f.Code, f.Severity = "variable-without-default", Advice
			f.Text = "$" + v.Name + " has no default, and is not said to be required"
		}
		f.File, f.Line, f.Column = c.firstUse(v.Name)
		c.add(f)
	}
}

// firstUse is where a template has the variable.
func (c *checker) firstUse(name string) (file string, line, column int) {
	for _, file := range c.templateFiles() {
		t, err := templates.Parse(file, []byte(c.text(file)))
		if err != nil {
			continue
		}
		var use *templates.SecretError // it has the places of any variables
		if errors.As(t.Secrets(func(n string) bool { return n == name }), &use) {
			return file, use.Positions[0].Line, use.Positions[0].Column
		}
	}
	return manifestFile, 0, 0
}

// templateFiles are the files that may be templates: those that are for sure come
// first.
func (c *checker) templateFiles() []string {
	var sure, may []string
	// What cannot be read has been told by those who need it.
	_ = fs.WalkDir(c.Files, exportsDir, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || !entry.Type().IsRegular():
		case strings.HasPrefix(name, hostFilesTree+"/"):
			may = append(may, name)
		case path.Ext(name) == ".template":
			sure = append(sure, name)
		}
		return nil
	})
	return slices.Concat(sure, may)
}

// hostPaths finds paths of the host that are written out where there is a variable.
func (c *checker) hostPaths() {
	source := regexp.MustCompile(`"source"\s*:\s*"((?:/etc|/var/lib)/[^"]*)"`)
	word := regexp.MustCompile(`(?m)^[^#;\n].*?[\s"'=:-]((?:/etc|/var/lib)/[^\s"';:,]+)`)
	for _, name := range c.templateFiles() {
		pattern := word
		switch {
		case name == configTemplate:
			pattern = source
		case name != tmpfilesTemplate && name != serviceTemplate && path.Dir(name) != unitsDir:
			continue
		}
		text := c.text(name)
		for _, at := range pattern.FindAllStringSubmatchIndex(text, -1) {
			c.hostPath(name, text[:at[2]], text[at[2]:at[3]])
		}
	}
}

// hostPath adds a path that stands behind a text in a template, unless it is one that
// every host has, or where the image's own files are.
func (c *checker) hostPath(name, before, hostPath string) {
	if deployment.OnEveryHost(hostPath) || c.exists(path.Join(hostFilesTree, hostPath)) {
		return
	}
	variable, dir := "CONF_DIRECTORY", "/etc"
	if strings.HasPrefix(hostPath, "/var/lib/") {
		variable, dir = "STATE_DIRECTORY", "/var/lib"
	}
	c.add(Finding{
		Code: "host-path", Severity: Advice, File: name, Line: lineOf(before+hostPath, len(before)),
		Column: 1 + len([]rune(before[strings.LastIndexByte(before, '\n')+1:])),
		Text:   hostPath + " is written out, so that nobody can move it",
		Hint:   "write ${" + variable + "}" + strings.TrimPrefix(hostPath, dir),
	})
}

// service finds a unit that forgets the container, and one that does not know when
// the container is ready.
func (c *checker) service() {
	text := c.text(serviceTemplate)
	if text == "" || c.Preview.Service == nil {
		return
	}
	unit, err := unitgen.ParseUnit(serviceTemplate, c.Preview.Service)
	if err != nil {
		return
	}
	at := lineWith(text, "ExecStart=")
	switch {
	case !c.Preview.Starts && (c.exists(configVerbatim) || c.exists(configTemplate)):
		c.add(Finding{
			Code: "exec-start-unused", Severity: Warning, File: serviceTemplate, Line: at,
			Text: "the unit does not run the container", Hint: "write ExecStart=$EXEC_START, or \"noContainerService\": true into manifest.json",
		})
	case c.Preview.Starts && (unit.Type() == "simple" || unit.Type() == "exec"):
		c.add(Finding{
			Code: "no-notify", Severity: Advice, File: serviceTemplate, Line: at,
			Text: "units that are ordered after this one start before the program is ready",
			Hint: "if it speaks sd_notify, write Type=notify",
		})
	}
}

// labels finds those that the image lacks. Of a directory, its Containerfile tells.
func (c *checker) labels() {
	file, has := c.labelled()
	if has == nil {
		return
	}
	if !has("maintainer") && !has(imgspecAuthors) {
		c.add(Finding{
			Code: "no-maintainer", Severity: Advice, File: file, Text: "nothing says who made the image",
			Hint: "add the label " + imgspecAuthors,
		})
	}
	if !has("atomic.type") && c.exists(exportsDir) {
		c.add(Finding{
			Code: "no-type", Severity: Advice, File: file, Text: "nothing says that it is a system container",
			Hint: "add the label atomic.type=system",
		})
	}
}

const imgspecAuthors = "org.opencontainers.image.authors"

// labelled returns where the labels are, and whether there is one of a name; nil
// where there are none to look at.
func (c *checker) labelled() (file string, has func(label string) bool) {
	if c.Config != nil {
		return "", func(label string) bool {
			return c.Config.Config.Labels[label] != "" || label == "maintainer" && c.Config.Author != ""
		}
	}
	for _, file := range []string{"Containerfile", "Dockerfile"} {
		if text := c.text(file); text != "" {
			return file, func(label string) bool {
				return regexp.MustCompile(`(?im)(^\s*` + regexp.QuoteMeta(label) + `\s|[\s"]` + regexp.QuoteMeta(label) + `"?[ =])`).MatchString(text)
			}
		}
	}
	return "", nil
}

// warnings are those of the installation that no rule here tells better.
func (c *checker) warnings() {
	for _, text := range c.Preview.Warnings {
		if strings.Contains(text, "has the unknown key") || strings.Contains(text, "more than once; the last one counts") {
			continue
		}
		file := trail{prefix: text}.file()
		if _, rest, found := strings.Cut(text, " of "+c.Preview.Image+": "); file != "" && found {
			text = rest
		}
		c.add(Finding{Code: "install-warning", Severity: Warning, File: file, Text: text})
	}
}
