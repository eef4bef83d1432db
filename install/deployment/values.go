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
	"github.com/syscontainer/syscontainer/templates"
)

// maxSecrets is what systemd takes as the credentials of one service, together.
const maxSecrets = 1 << 20

// takeSecrets separates what the image calls a secret from the other values that
// the user set: it is written to files of its own and to no others. It refuses to
// make an ordinary value of what was given as a secret.
func (c *compiler) takeSecrets() error {
	c.secrets = map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(c.Request.Carried)) {
		if !c.manifest.IsSecret(name) {
			return hint.Add(fmt.Errorf("%s was given as a secret, and %s does not call it one", name, c.Image.Reference),
				"drop it with --unset %s, or give it again with --set-file %s=FILE", name, name)
		}
	}
	for name, value := range c.set {
		if c.manifest.IsSecret(name) {
			c.secrets[name] = value
			delete(c.set, name)
		}
	}
	return nil
}

// checkValues returns all that is wrong with the values, before anything is
// rendered: what the image's description of them does not allow, variables of
// templates without a value, and templates that would show a secret. The error has
// one hint with the image's words for the variables in question.
func (c *compiler) checkValues() error {
	all := maps.Clone(c.values)
	maps.Copy(all, c.secrets)
	err := c.manifest.CheckValues(all)
	var required *templates.RequiredError
	if errors.As(err, &required) {
		for _, name := range required.Variables {
			all[name] = "" // it has been told once
		}
	}
	errs := []error{err}
	list, err := c.templates()
	errs = append(errs, err, c.checkSecretSize())
	for _, t := range list {
		secret := t.Secrets(c.manifest.IsSecret)
		if secret != nil {
			secret = hint.Add(secret, "a container reads a secret from the file of that name in $CREDENTIALS_DIRECTORY")
		}
		errs = append(errs, secret, t.Missing(withSecrets(all, c.manifest)))
	}
	return c.adviseOnValues(errors.Join(errs...))
}

// adviseOnValues adds how to give values, if any is missing, and what the image says of
// each variable that the error names.
func (c *compiler) adviseOnValues(err error) error {
	names, missing := variablesIn(err)
	var lines []string
	if missing {
		lines = append(lines, "give values with --set NAME=VALUE, --set-file NAME=FILE or --values FILE")
	}
	for _, name := range names {
		if words := describeSetting(c.manifest.Values[name]); words != "" {
			lines = append(lines, name+": "+words)
		}
	}
	if len(lines) == 0 {
		return err
	}
	return hint.Add(err, "%s", strings.Join(lines, "\n"))
}

// withSecrets gives every secret variable a value, so that it is not also missing.
func withSecrets(values templates.Values, m templates.Manifest) templates.Values {
	values = maps.Clone(values)
	for name := range m.Values {
		if m.IsSecret(name) {
			values[name] = ""
		}
	}
	return values
}

func (c *compiler) checkSecretSize() error {
	size := 0
	for _, value := range c.secrets {
		size += len(value)
	}
	if size >= maxSecrets {
		return fmt.Errorf("the secrets %s hold %d bytes, and systemd takes less than %d", strings.Join(c.secretNames(), ", "), size, maxSecrets)
	}
	return nil
}

// checkStorable refuses values that JSON cannot hold, and with it neither the record nor
// config.json. Where a template has such a value, that has been told with the place.
func (c *compiler) checkStorable() error {
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(c.set)) {
		if !utf8.ValidString(c.set[name]) {
			wrong = append(wrong, fmt.Errorf("the value of $%s is not valid UTF-8, as all but secrets must be", name))
		}
	}
	return errors.Join(wrong...)
}

func (c *compiler) secretNames() []string { return slices.Sorted(maps.Keys(c.secrets)) }

// variablesIn lists the variables that errors name, sorted, and whether any of
// them has no value.
func variablesIn(err error) (names []string, missing bool) {
	switch e := err.(type) { //nolint:errorlint // the whole tree is walked
	case nil:
		return nil, false
	case *templates.MissingError:
		return e.Variables, true
	case *templates.RequiredError:
		return e.Variables, true
	case *templates.InvalidError:
		return []string{e.Variable}, false
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			below, without := variablesIn(inner)
			names, missing = append(names, below...), missing || without
		}
	default:
		if inner := errors.Unwrap(err); inner != nil {
			return variablesIn(inner)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), missing
}

// describeSetting says of what kind a value is and what for.
func describeSetting(s templates.Setting) string {
	var words []string
	switch {
	case s.Type == templates.Choices:
		words = append(words, strings.Join(s.Enum, " or "))
	case s.Type != "" && s.Type != templates.String:
		words = append(words, string(s.Type))
	}
	if s.Secret {
		words = append(words, "secret")
	}
	if s.Description != "" {
		words = append(words, s.Description)
	}
	return strings.Join(words, ", ")
}

// templates parses every template that the image has in use. What cannot be parsed
// is joined in the error.
func (c *compiler) templates() ([]*templates.Template, error) {
	list := c.manifest.Templates()
	var errs []error
	for _, name := range c.templateNames() {
		text, err := c.read(name)
		if text == nil && name == serviceTemplate {
			text = templates.DefaultService()
		}
		if err == nil && text != nil {
			var t *templates.Template
			if t, err = templates.Parse(name, text); err == nil {
				list = append(list, t)
			}
		}
		errs = append(errs, err)
	}
	return list, errors.Join(errs...)
}

// templateNames are the files of the image that are templates, whether they exist
// or not.
func (c *compiler) templateNames() []string {
	var names []string
	if !c.manifest.NoContainerService {
		names = append(names, serviceTemplate)
		if text, err := c.read(configVerbatim); err == nil && text == nil {
			names = append(names, configTemplate)
		}
		names = append(names, tmpfilesTemplate)
	}
	// That they cannot be listed is an error of compileUnits.
	if units, err := fs.ReadDir(c.Files, unitsTree); err == nil {
		for _, unit := range units {
			if path.Ext(unit.Name()) == ".template" {
				names = append(names, path.Join(unitsTree, unit.Name()))
			}
		}
	}
	for _, file := range c.manifest.InstalledFilesTemplate {
		names = append(names, path.Join(hostFilesTree, c.renamedFrom(file)))
	}
	return names
}

// warnValues tells what is odd about the values and is no error.
func (c *compiler) warnValues() {
	for _, key := range c.manifest.DuplicateKeys {
		c.warn("%s: %s has %s more than once; the last one counts", c.Image.Reference, manifestFile, key)
	}
	for _, name := range slices.Sorted(maps.Keys(c.manifest.Values)) {
		setting := c.manifest.Values[name]
		old, ok := c.manifest.DefaultValues[name]
		if ok && setting.Default != nil && old != *setting.Default {
			c.warn("%s: %s has two defaults for %s; the one of values counts", c.Image.Reference, manifestFile, name)
		}
	}
	for _, name := range c.secretNames() {
		if why := c.Request.Exposed[name]; why != "" {
			c.warn("%s is a secret: %s", name, why)
		}
	}
}
