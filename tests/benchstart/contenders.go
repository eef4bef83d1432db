package main

import "fmt"

// The contenders that are named elsewhere.
const (
	withCrun = "syscontainer with crun"
	withRunc = "syscontainer with runc"
	quadlet  = "quadlet"
	crun     = "crun alone"
	runc     = "runc alone"
	crunUnit = "crun in a unit"
	runcUnit = "runc in a unit"
	bare     = "no container"
)

// contender is a way to run the program.
type contender struct {
	name string
	// setUp is shell script, run once inside the machine.
	setUp string
	// start returns when the program has said that it is ready, stop when it has ended.
	start, stop []string
	// restart is both; nil where nobody offers it.
	restart []string
	// waits says that the program tells us itself that it is ready, and not systemd.
	waits bool
}

// Where things are inside the machine.
const (
	scratch   = "/bench"
	image     = "docker://localhost:5000/app:latest"
	program   = "/usr/bin/syscontainer"
	readiness = scratch + "/ready" // the socket on which a program says that it is ready, without a systemd
)

func contenders() []contender {
	return []contender{
		ours(withCrun, "crun"),
		ours(withRunc, "runc"),
		unit(quadlet, "quadlet", "podman pull --quiet localhost:5000/app:latest; "+write("/etc/containers/systemd/quadlet.container", quadletFile("quadlet"))),
		unit("nspawn", "nspawn", "mkdir -p "+scratch+"/tree/usr "+scratch+"/tree/etc; touch "+scratch+"/tree/etc/os-release; cp -a "+files("crun")+"/. "+scratch+"/tree/; "+
			write("/etc/systemd/system/nspawn.service", service("/usr/bin/systemd-nspawn --quiet --keep-unit --register=no --notify-ready=yes --read-only --directory="+scratch+"/tree /bin/app serve"))),
		unit(bare, "bare", write("/etc/systemd/system/bare.service", service(files("crun")+"/bin/app serve"))),
		alone(crun, "crun"),
		alone(runc, "runc"),
		inUnit(crunUnit, "crun"),
		inUnit(runcUnit, "runc"),
	}
}

// ours is the product with one of the runtimes.
func ours(name, runtime string) contender {
	return unit(name, runtime+"d", fmt.Sprintf("syscontainer install --name %sd --runtime /usr/bin/%s %s", runtime, runtime, image))
}

// files is the root of our container.
func files(runtime string) string {
	return "/var/lib/syscontainer/containers/" + runtime + "d/current/rootfs"
}

// unit is a contender that systemd starts.
func unit(name, service, setUp string) contender {
	do := func(verb string) []string { return []string{"systemctl", verb, service + ".service"} }
	return contender{name: name, setUp: setUp, start: do("start"), stop: do("stop"), restart: do("restart")}
}

// alone is a runtime with our container's configuration, and nothing around it.
func alone(name, runtime string) contender {
	return contender{
		name: name, waits: true,
		setUp: fmt.Sprintf("/benchstart bundle %s", runtime),
		start: []string{runtime, "run", "--detach", "--bundle", bundle(runtime), "alone"},
		stop:  []string{runtime, "delete", "--force", "alone"},
	}
}

// inUnit is a runtime that stays, in the simplest unit that there is for it: it hands on that the program is ready.
func inUnit(name, runtime string) contender {
	file := "/etc/systemd/system/" + runtime + "-unit.service"
	command := "/usr/bin/" + runtime + " run --bundle " + bundle(runtime) + "-unit " + runtime + "-unit"
	return unit(name, runtime+"-unit", fmt.Sprintf("/benchstart bundle %s; ", runtime)+write(file, service(command)))
}

func bundle(runtime string) string { return scratch + "/" + runtime }

func service(command string) string {
	return "[Service]\nType=notify\nNotifyAccess=all\nKillMode=mixed\nExecStart=" + command + "\n"
}

// quadletFile asks for what the product gives: readiness from the program, a read-only root, the host's network.
func quadletFile(name string) string {
	return "[Container]\nContainerName=" + name + "\nImage=localhost:5000/app:latest\nNotify=true\nReadOnly=true\nNetwork=host\n" +
		"[Install]\nWantedBy=multi-user.target\n"
}

// write is shell script that writes a file.
func write(file, text string) string {
	return fmt.Sprintf("mkdir -p \"$(dirname %s)\"; cat >%[1]s <<'EOF'\n%sEOF\n", file, text)
}
