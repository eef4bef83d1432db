package main

import "time"

// nodeSteps are a whole node: the network and the container runtime come after etcd, and from images as well.
func nodeSteps() []step {
	const image = "localhost:5000/busybox"
	var installs []step
	for i, name := range []string{"docker", "flannel", "etcd"} {
		s := step{command: "syscontainer install --system " + name, expect: []string{"installed " + name}}
		if i == 0 {
			s.why = "A whole node: the container runtime and its network come from images, too. The order of the commands does not matter."
		}
		installs = append(installs, s)
	}
	return append(installs, []step{
		{
			why:     "What waits for what, and which unit says so.",
			command: "syscontainer graph", expect: []string{"flannel.service", "docker.service"},
		},
		{
			why:     "Reboot: etcd serves requests, then flannel has a subnet, then Docker starts.",
			command: "systemctl reboot", reboot: true,
		},
		{
			command: "journalctl --boot --output=short-monotonic --no-hostname _PID=1 --unit=etcd --unit=flannel --unit=docker | grep -E 'Start(ing|ed)'",
			expect:  []string{"Started etcd.service", "Started flannel.service", "Started docker.service"},
		},
		{command: "systemctl is-active etcd flannel docker", expect: []string{"active\nactive\nactive"}},
		{command: "cat /run/flannel/subnet.env", expect: []string{"FLANNEL_SUBNET=10.244."}},
		{
			why:     "A container has an address of the overlay network.",
			command: "docker run --quiet --rm " + image + " ip -4 address show eth0", expect: []string{"inet 10.244."},
		},
		{command: "docker run --quiet --detach --name web " + image + " sleep 1000"},
		{
			why:     "Docker's containers are in the control group of its unit.",
			command: "systemctl status docker --lines=0", expect: []string{"containers", "sleep 1000"}, abridged: 20,
		},
		{
			why:     "Kill etcd: it comes back, and with it flannel and Docker. The container never stopped.",
			command: "kill -9 $(systemctl show -P MainPID etcd)",
		},
		{
			command: "systemctl show -P NRestarts etcd && systemctl is-active docker && docker ps --format '{{.Names}}: {{.Status}}'",
			expect:  []string{"1\nactive\nweb: Up"}, within: time.Minute,
		},
		{command: "syscontainer list", expect: []string{"etcd", "flannel", "docker"}},
	}...)
}
