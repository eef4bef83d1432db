package deployment

import (
	"path"
	"strconv"

	"github.com/syscontainer/syscontainer/unitgen/order"
)

// Programs of ours and of the host that units name. They are paths as the host
// sees them, below --root as anywhere else.
const (
	LauncherPath = "/usr/libexec/syscontainer-launch"
	programPath  = "/usr/bin/syscontainer"
	SystemdDir   = "/etc/systemd/system"
	tmpfilesDir  = "/etc/tmpfiles.d"
)

// Paths is the one place that knows where on the host things are. All of them
// are paths as the host sees them.
type Paths struct {
	State string // the state directory, /var/lib/syscontainer
}

// Mounts holds what is mounted to be looked at.
func (p Paths) Mounts() string { return path.Join(p.State, "mounts") }

// Mount is the directory of one such mount.
func (p Paths) Mount(number int) string { return path.Join(p.Mounts(), strconv.Itoa(number)) }

// Runs is the state directory of what runs once, in the foreground.
func (p Paths) Runs() Paths { return Paths{State: path.Join(p.State, "runs")} }

// Containers has a directory for each container.
func (p Paths) Containers() string { return path.Join(p.State, "containers") }

// Container is where everything of a container is.
func (p Paths) Container(name string) string { return path.Join(p.Containers(), name) }

// Deployments holds a container's deployments.
func (p Paths) Deployments(name string) string { return path.Join(p.Container(name), deployDir) }

// Deployment returns the directory of deployment n: config.json, rootfs and
// what else was rendered.
func (p Paths) Deployment(name string, n int) string {
	return path.Join(p.Deployments(name), strconv.Itoa(n))
}

// CurrentTarget is where the link to deployment n leads, relative to it.
func CurrentTarget(n int) string { return path.Join(deployDir, strconv.Itoa(n)) }

// Current is the symbolic link to the deployment that the host is converged to.
func (p Paths) Current(name string) string { return path.Join(p.Container(name), "current") }

// Pending exists while a change of the container is under way.
func (p Paths) Pending(name string) string { return path.Join(p.Container(name), "pending.json") }

// History is what is known of a container beyond its deployments.
func (p Paths) History(name string) string { return path.Join(p.Container(name), "history.json") }

// Record describes a deployment, see [Record].
func (p Paths) Record(name string, n int) string {
	return path.Join(p.Deployment(name, n), RecordFile)
}

// Secret is the file of a deployment that holds a secret.
func (p Paths) Secret(name string, n int, variable string) string {
	return path.Join(p.Deployment(name, n), credentialsDir, variable)
}

// UnitName is the service of a container.
func UnitName(name string) string { return name + ".service" }

// UnitPath is the file of that service.
func UnitPath(name string) string { return UnitFile(UnitName(name)) }

// UnitFile is the file of a unit of ours.
func UnitFile(unit string) string { return path.Join(SystemdDir, unit) }

// DropInDir holds the drop-ins of that service.
func DropInDir(name string) string { return UnitPath(name) + ".d" }

// DropInPath is the drop-in that is ours.
func DropInPath(name string) string { return path.Join(DropInDir(name), DropInFile) }

// ComebackPath is the drop-in of a service that brings a container back with it.
func ComebackPath(service, name string) string {
	return path.Join(UnitFile(service)+".d", "20-syscontainer-"+name+".conf")
}

// TmpfilesPath is the tmpfiles.d file of a container.
func TmpfilesPath(name string) string { return path.Join(tmpfilesDir, name+".conf") }

// credentialsPath is where systemd keeps the credentials of a container's unit while
// it runs; only root can read them.
func credentialsPath(name string) string { return path.Join("/run/credentials", UnitName(name)) }

// serviceRunDir is a directory below /run for a unit that needs one of us.
func serviceRunDir(name string) string { return path.Join("syscontainer", name) }

// ownCredentialsPath is where the launcher copies them for a container whose user
// is not root. The launcher knows the path as well.
func ownCredentialsPath(name string) string {
	return path.Join("/run", serviceRunDir(name), credentialsDir)
}

// foreignUnitDirs are where systemd finds units that are not ours: of packages, of
// somebody who makes them at run time, of generators.
func foreignUnitDirs() []string { return Without(order.Dirs(), []string{SystemdDir}) }

// deployDir holds a container's deployments.
const deployDir = "deploy"

// Files of a deployment, relative to its directory.
const (
	RecordFile     = "record.json"
	ConfigFile     = "config.json"
	RootfsDir      = "rootfs"
	DropInFile     = "10-syscontainer.conf"
	TmpfilesFile   = "tmpfiles.conf"
	hostFilesDir   = "hostfs"
	credentialsDir = "credentials"
	UnitsDir       = "units"
	comebackDir    = "comeback"
)
