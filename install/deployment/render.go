package deployment

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"strconv"
	"strings"

	"github.com/syscontainer/syscontainer/templates"
)

// Files of an image that are meant for us: the contract of existing images.
const (
	exportsDir       = "exports"
	manifestFile     = exportsDir + "/manifest.json"
	serviceTemplate  = exportsDir + "/service.template"
	configVerbatim   = exportsDir + "/config.json"
	configTemplate   = exportsDir + "/config.json.template"
	tmpfilesTemplate = exportsDir + "/tmpfiles.template"
	hostFilesTree    = exportsDir + "/hostfs"
	unitsTree        = exportsDir + "/units"
)

// readManifest reads the image's settings; an image without any has the defaults.
func (c *compiler) readManifest() error {
	data, err := c.read(manifestFile)
	if err != nil {
		return err
	}
	if data == nil {
		c.manifest = templates.DefaultManifest()
		return nil
	}
	if c.manifest, err = templates.ParseManifest(data); err == nil {
		c.health, err = parseHealth(c.manifest.HealthCheck)
	}
	if err != nil {
		return fmt.Errorf("reading %s of %s: %w", manifestFile, c.Image.Reference, err)
	}
	return nil
}

// mergeValues gives every variable its value. The paths that users may move
// come before those that are made of them.
func (c *compiler) mergeValues() error {
	defaults := map[string]string{
		"RUN_DIRECTORY":            "/run",
		"STATE_DIRECTORY":          "/var/lib",
		"CONF_DIRECTORY":           "/etc",
		"RUNTIME":                  c.Facts.Runtime,
		"ATOMIC":                   programPath,
		"ALL_PROCESS_CAPABILITIES": quoteList(c.Facts.Host.Capabilities),
	}
	maps.Copy(defaults, c.Facts.Generated)
	values, err := templates.Merge(c.forcedValues(), c.set, c.manifest.Defaults(), defaults)
	if err != nil {
		return err
	}
	if _, ok := values["PIDFILE"]; !ok {
		values["PIDFILE"] = path.Join(values["RUN_DIRECTORY"], "container-"+c.Name+".pid")
	}
	values["EXEC_START"] = c.execStart(values)
	c.values = values
	return nil
}

func (c *compiler) destDir() string {
	return c.Facts.Paths.Deployment(c.Name, c.Facts.Deployment)
}

// forcedValues are the variables that nobody may set. EXEC_START follows when
// those it is made of are known; the service is stopped by systemd's own means.
func (c *compiler) forcedValues() map[string]string {
	return map[string]string{
		"NAME":          c.Name,
		"IMAGE_NAME":    c.Request.Image,
		"IMAGE_ID":      c.Image.Digest.Encoded(),
		"DESTDIR":       c.destDir(),
		"EXEC_START":    "",
		"EXEC_STOP":     "",
		"EXEC_STARTPRE": "",
		"EXEC_STOPPOST": "",
		"HOST_UID":      strconv.Itoa(c.Facts.Host.UID),
		"HOST_GID":      strconv.Itoa(c.Facts.Host.GID),
	}
}

// execStart is the command line that runs the container. All that changes with
// a deployment is in it, so that renaming one file, the unit, changes over.
func (c *compiler) execStart(values templates.Values) string {
	return strings.Join([]string{
		LauncherPath,
		"--runtime=" + values["RUNTIME"],
		"--pid-file=" + values["PIDFILE"],
		"--bundle=" + c.destDir(),
		c.Name,
	}, " ")
}

// checkExecStart refuses values with which execStart would be another command
// line once systemd has split it into words and replaced variables, and a pid
// file in the place of a file that is something else.
func (c *compiler) checkExecStart() error {
	var wrong []error
	for _, name := range []string{"RUNTIME", "PIDFILE", "DESTDIR"} {
		p := c.values[name]
		switch {
		case p == "" && name == "RUNTIME": // checkPrograms has better words
		case !path.IsAbs(p) || path.Clean(p) != p:
			wrong = append(wrong, fmt.Errorf("$%s: %q is not an absolute path in its shortest form", name, p))
		case strings.ContainsAny(p, " \t\r\n\"'\\$"):
			wrong = append(wrong, fmt.Errorf("$%s: %q has a space, a quote, a backslash or a \"$\", which ExecStart= would take for something else", name, p))
		}
	}
	pidFile := c.values["PIDFILE"]
	ours := c.From != nil && c.From.PIDFile == pidFile
	if _, err := c.Facts.Tree.Lstat(pidFile); err == nil && !ours && !strings.HasPrefix(pidFile, "/run/") {
		wrong = append(wrong, fmt.Errorf("$PIDFILE: %s exists, and starting the container would replace it", pidFile))
	}
	return errors.Join(wrong...)
}

func quoteList(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = strconv.Quote(name)
	}
	return strings.Join(quoted, ", ")
}

// render renders the image's template of that name, or fallback where the image
// has none; nil where there is neither.
func (c *compiler) render(name string, format templates.Format, fallback []byte) ([]byte, error) {
	text, err := c.read(name)
	if err != nil {
		return nil, err
	}
	if text == nil {
		text = fallback
	}
	if text == nil {
		return nil, nil //nolint:nilnil // absent is an ordinary answer here
	}
	return c.renderText(name, text, format)
}

func (c *compiler) renderText(name string, text []byte, format templates.Format) ([]byte, error) {
	template, err := templates.Parse(name, text)
	if err != nil {
		return nil, err
	}
	c.used = append(c.used, template.Variables()...)
	if err := template.Secrets(c.manifest.IsSecret); err != nil {
		return nil, err
	}
	return template.Render(format, c.values)
}

// read returns a file of the image, nil when there is none.
func (c *compiler) read(name string) ([]byte, error) {
	data, err := fs.ReadFile(c.Files, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading /%s of %s: %w", name, c.Image.Reference, err)
	}
	if data == nil {
		data = []byte{}
	}
	return data, nil
}
