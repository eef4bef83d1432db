package lint

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/runcspec"
	"github.com/syscontainer/syscontainer/templates"
	"github.com/syscontainer/syscontainer/unitgen"
)

// Files of an image that findings name.
const (
	exportsDir       = "exports"
	manifestFile     = "exports/manifest.json"
	configVerbatim   = "exports/config.json"
	configTemplate   = "exports/config.json.template"
	serviceTemplate  = "exports/service.template"
	tmpfilesTemplate = "exports/tmpfiles.template"
	unitsDir         = "exports/units"
	hostFilesTree    = "exports/hostfs"
)

// trail is what is known of an error from those that wrap it.
type trail struct{ prefix, hint string }

// file is the file of the image that the wrapping errors name.
func (x trail) file() string {
	found := regexp.MustCompile(`/?(exports/[^\s:]+)`).FindStringSubmatch(x.prefix)
	if found == nil {
		return ""
	}
	return found[1]
}

// refusals turns the errors of an installation into findings, each where it belongs.
func (c *checker) refusals(err error, x trail) {
	if err == nil || c.positioned(err, x) {
		return
	}
	switch e := err.(type) { //nolint:errorlint // the tree is walked here, link by link
	case *hint.Error:
		x.hint = e.Text
		c.refusals(e.Err, x)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			c.refusals(inner, x)
		}
	default:
		inner := errors.Unwrap(err)
		if inner == nil || !strings.HasSuffix(err.Error(), inner.Error()) {
			c.refuseOther(err, x)
			return
		}
		x.prefix += strings.TrimSuffix(err.Error(), inner.Error())
		c.refusals(inner, x)
	}
}

// refuseOther adds an error that does not say where it belongs.
func (c *checker) refuseOther(err error, x trail) {
	code, text := "refused", err.Error()
	if errors.Is(err, deployment.ErrNoExports) {
		code = "no-exports"
	}
	if x.file() == "" {
		text = strings.ReplaceAll(x.prefix, " of "+c.Preview.Image+": ", ": ") + text
	}
	c.refuse(code, x, x.file(), 0, text)
}

func (c *checker) refuse(code string, x trail, file string, line int, text string) {
	c.add(Finding{Code: code, Severity: Error, File: file, Line: line, Text: text, Hint: x.hint})
}

// positioned adds an error whose type says where it belongs; false for others.
func (c *checker) positioned(err error, x trail) bool {
	switch e := err.(type) { //nolint:errorlint // see refusals
	case *templates.SyntaxError:
		c.at("template-syntax", trail{prefix: x.prefix}, e.Position, err) // hints around it are about values
	case *templates.ValueError:
		c.at("value-not-representable", x, e.Position, err)
	case *templates.JSONError:
		c.at("invalid-json", x, e.Position, err)
	case *templates.MissingError:
		for i, p := range e.Positions {
			c.at("missing-variable", x, p, fmt.Errorf("%s: no value for $%s", p, e.Variables[i]))
		}
	case *templates.SecretError:
		for i, p := range e.Positions {
			c.at("secret-in-template", x, p, fmt.Errorf("%s: $%s is a secret, and others could read it here", p, e.Variables[i]))
		}
	case *templates.RequiredError:
		for _, name := range e.Variables {
			c.refuse("missing-variable", trail{hint: "no value can be made up that its pattern allows; give one with --set"}, manifestFile, c.manifestLine(name), "no value for $"+name)
		}
	case *templates.InvalidError:
		c.refuse("invalid-value", x, manifestFile, c.manifestLine(e.Variable), err.Error())
	case *templates.ManifestError:
		c.refuse("invalid-manifest", x, manifestFile, c.manifestLine(e.Key), strings.TrimPrefix(err.Error(), "manifest.json: "))
	case *unitgen.SyntaxError:
		c.refuse("unit-syntax", trail{}, e.File, e.Line, e.Reason)
	case *runcspec.SyntaxError:
		c.add(Finding{Code: "invalid-json", Severity: Error, File: e.File, Line: e.Line, Column: e.Column, Text: e.Reason, Hint: x.hint})
	case *runcspec.Violation:
		c.violation(e, x)
	default:
		return false
	}
	return true
}

// at adds an error at its position. What the manifest's own templates say is placed
// by their key: their columns are those of the text in it.
func (c *checker) at(code string, x trail, p templates.Position, err error) {
	text := strings.TrimPrefix(err.Error(), p.String()+": ")
	if rest, inside := strings.CutPrefix(p.File, "manifest.json "); inside {
		c.refuse(code, x, manifestFile, c.manifestLine(rest), rest+": "+text)
		return
	}
	if p.File == path.Base(manifestFile) {
		p.File = manifestFile
	}
	if !strings.HasPrefix(p.File, exportsDir+"/") {
		c.refuse(code, x, x.file(), 0, p.File+": "+text)
		return
	}
	c.add(Finding{Code: code, Severity: Error, File: p.File, Line: p.Line, Column: p.Column, Text: text, Hint: x.hint})
}

// manifestLine is where the manifest has what a key as in values["X"].default is
// about, 0 when that is not known.
func (c *checker) manifestLine(key string) int {
	if found := regexp.MustCompile(`\["([^"]+)"\]`).FindStringSubmatch(key); found != nil {
		key = found[1]
	}
	key, _, _ = strings.Cut(key, "[")
	text := c.text(manifestFile)
	if line := lineWith(text, `"`+key+`"`); line > 0 {
		return line
	}
	return lineWith(text, `"`+key[strings.LastIndex(key, ".")+1:]+`"`)
}

// violation places what is wrong with config.json by the last part of its pointer
// that the file has once.
func (c *checker) violation(v *runcspec.Violation, x trail) {
	code := "invalid-config"
	if v.Pointer == "/root/readonly" {
		code = "writable-root"
	}
	file, line := x.file(), 0
	text := c.text(file)
	for p := v.Pointer; p != "" && p != "/" && line == 0; p = path.Dir(p) {
		if word := `"` + path.Base(p) + `"`; strings.Count(text, word) == 1 {
			line = lineWith(text, word)
		}
	}
	c.add(Finding{Code: code, Severity: Error, File: file, Line: line, Text: v.Error(), Hint: v.Hint})
}
