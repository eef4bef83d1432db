// Package syscontainer_test holds what is true of the repository as a whole.
package syscontainer_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/syscontainer/syscontainer/"

// rules are the arrows of ARCHITECTURE.md, from the other side: what a package
// must not come to know, and why.
var rules = []struct {
	packages []string
	never    []string // prefixes of import paths
	why      string
}{
	{
		packages: []string{"templates", "unitgen", "runcspec", "config"},
		never:    []string{"os", "net", "time", "io/ioutil", "path/filepath", "log", module + "install", module + "ostree", module + "unitgen/sysd"},
		why:      "it is pure: bytes in, bytes or an error out, the same for everyone at any time",
	},
	{
		packages: []string{"templates"},
		never:    []string{module, "github.com/opencontainers/"},
		why:      "the template dialect knows neither units nor OCI",
	},
	{
		packages: []string{"unitgen"},
		never:    []string{module + "templates", module + "runcspec", "github.com/opencontainers/", "github.com/coreos/go-systemd/v22/dbus"},
		why:      "units are text; images and a running systemd are somebody else's",
	},
	{
		packages: []string{"unitgen/order"},
		never: []string{
			"os", "net", "time", "io/ioutil", "path/filepath", "log", module + "install", module + "ostree", module + "unitgen/sysd",
			module + "templates", module + "runcspec", "github.com/opencontainers/", "github.com/coreos/",
		},
		why: "what directories of units hold goes in, an order comes out; whose units they are is somebody else's",
	},
	{
		packages: []string{"install/hostunits"},
		never:    []string{"C", "os", module + "install", module + "ostree", module + "unitgen/sysd", "os/exec"},
		why:      "it reads directories of units through the tree that it is given, and does not care what is in them",
	},
	{
		packages: []string{"runcspec"},
		never:    []string{module, "github.com/coreos/", "github.com/containers/"},
		why:      "the OCI runtime specification knows neither systemd nor transports",
	},
	{
		packages: []string{"ostree"},
		never:    []string{module, "github.com/opencontainers/", "github.com/containers/"},
		why:      "libostree stores trees; what an image is, is imagestore's to know",
	},
	{
		packages: []string{"ostree/imagestore"},
		never:    []string{module + "install", module + "unitgen", module + "templates", module + "runcspec", "github.com/coreos/"},
		why:      "the store keeps images; units and deployments are made of them elsewhere",
	},
	{
		packages: []string{"install", "install/hosttree"},
		never:    []string{"C", module + "ostree", module + "unitgen/sysd", "github.com/containers/", "github.com/coreos/", "github.com/ostreedev/", "github.com/urfave/", "os/exec"},
		why:      "the lifecycle goes through interfaces of its own, and is tested without root, libostree or systemd",
	},
	{
		packages: []string{"install/deployment", "install/drift", "install/hint"},
		never: []string{
			"C", "os", "net", "io/ioutil", "path/filepath", "log", "context", module + "install/hosttree", module + "ostree", module + "unitgen/sysd",
			module + "lint", module + "cmd", "github.com/containers/", "github.com/coreos/", "github.com/urfave/",
		},
		why: "it compiles or compares: an image, a request and what the host is like go in, a plan comes out, and nothing was touched",
	},
	{
		packages: []string{"lint"},
		never: []string{
			"C", "os", "net", "time", "io/ioutil", "path/filepath", "log", module + "install/hosttree", module + "ostree",
			module + "unitgen/sysd", module + "cmd", "github.com/containers/", "github.com/coreos/", "github.com/urfave/",
		},
		why: "an image's files and what installing them comes to go in, findings come out",
	},
	{
		packages: []string{"install/bindmount", "install/dirlock"},
		never:    []string{"C", module, "os/exec"},
		why:      "it asks the kernel and nobody else, and does not care what is mounted",
	},
	{
		packages: []string{"install/ociruntime"},
		never:    []string{"C", module},
		why:      "it talks to runtimes and does not care what runs in their containers",
	},
	{
		packages: []string{"unitgen/sysd"},
		never:    []string{module + "install", module + "ostree", module + "templates", module + "runcspec"},
		why:      "it makes systemd act on units and does not care what is in them",
	},
	{
		packages: []string{"cmd/syscontainer-launch"},
		never:    []string{"C", module, "github.com/containers/", "github.com/opencontainers/", "github.com/urfave/"},
		why:      "it starts with every service and has 5 ms for it",
	},
}

func TestArrows(t *testing.T) {
	for _, rule := range rules {
		for _, name := range rule.packages {
			out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{join .Imports "\n"}}`, "./"+name).Output()
			if err != nil {
				t.Fatalf("listing the imports of %s: %v", name, err)
			}
			imports := strings.Fields(string(out))
			if len(imports) == 0 {
				t.Errorf("%s imports nothing at all", name)
			}
			for _, path := range imports {
				if slices.ContainsFunc(rule.never, func(never string) bool { return forbids(never, path) }) {
					t.Errorf("%s imports %s: %s", name, path, rule.why)
				}
			}
		}
	}
}

// forbids reports whether the import path is never, or below it.
func forbids(never, path string) bool {
	return path == never || strings.HasPrefix(path, strings.TrimSuffix(never, "/")+"/")
}
