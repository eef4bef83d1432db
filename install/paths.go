package install

import (
	"path"
	"strconv"
)

// Programs of ours and of the host that units name. They are paths as the host
// sees them, below --root as anywhere else.
const (
	LauncherPath = "/usr/libexec/syscontainer-launch"
	programPath  = "/usr/bin/syscontainer"
	systemdDir   = "/etc/systemd/system"
	tmpfilesDir  = "/etc/tmpfiles.d"
)

// Paths is the one place that knows where on the host things are. All of them
// are paths as the host sees them.
type Paths struct {
	State string // the state directory, /var/lib/syscontainer
}

func (p Paths) mounts() string               { return path.Join(p.State, "mounts") }
func (p Paths) mount(number int) string      { return path.Join(p.mounts(), strconv.Itoa(number)) }
func (p Paths) containers() string           { return path.Join(p.State, "containers") }
func (p Paths) container(name string) string { return path.Join(p.containers(), name) }
func (p Paths) deployments(name string) string {
	return path.Join(p.container(name), deployDir)
}

// Deployment returns the directory of deployment n: config.json, rootfs and
// what else was rendered.
func (p Paths) Deployment(name string, n int) string {
	return path.Join(p.deployments(name), strconv.Itoa(n))
}

// currentTarget is where the link to deployment n leads, relative to it.
func currentTarget(n int) string { return path.Join(deployDir, strconv.Itoa(n)) }

// current is the symbolic link to the deployment that the host is converged to.
func (p Paths) current(name string) string { return path.Join(p.container(name), "current") }

// pending exists while a change of the container is under way.
func (p Paths) pending(name string) string { return path.Join(p.container(name), "pending.json") }

func (p Paths) record(name string, n int) string {
	return path.Join(p.Deployment(name, n), recordFile)
}

func unitName(name string) string     { return name + ".service" }
func unitPath(name string) string     { return path.Join(systemdDir, unitName(name)) }
func dropInDir(name string) string    { return unitPath(name) + ".d" }
func dropInPath(name string) string   { return path.Join(dropInDir(name), dropInFile) }
func tmpfilesPath(name string) string { return path.Join(tmpfilesDir, name+".conf") }

// credentialsPath is where systemd keeps the credentials of a container's unit while
// it runs; only root can read them.
func credentialsPath(name string) string { return path.Join("/run/credentials", unitName(name)) }

// serviceRunDir is a directory below /run for a unit that needs one of us.
func serviceRunDir(name string) string { return path.Join("syscontainer", name) }

// ownCredentialsPath is where the launcher copies them for a container whose user
// is not root. The launcher knows the path as well.
func ownCredentialsPath(name string) string {
	return path.Join("/run", serviceRunDir(name), credentialsDir)
}

// foreignUnitDirs are where systemd finds units that are not ours: of packages, of
// somebody who makes them at run time, of generators.
func foreignUnitDirs() []string {
	return []string{
		"/usr/lib/systemd/system", "/lib/systemd/system", "/usr/local/lib/systemd/system",
		"/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient", "/run/systemd/system",
		"/run/systemd/generator.early", "/run/systemd/generator", "/run/systemd/generator.late",
	}
}

// deployDir holds a container's deployments.
const deployDir = "deploy"

// Files of a deployment, relative to its directory.
const (
	recordFile     = "record.json"
	configFile     = "config.json"
	rootfsDir      = "rootfs"
	dropInFile     = "10-syscontainer.conf"
	tmpfilesFile   = "tmpfiles.conf"
	hostFilesDir   = "hostfs"
	credentialsDir = "credentials"
	unitsDir       = "units"
)
