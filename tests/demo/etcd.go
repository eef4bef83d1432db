package main

import "time"

// etcdSteps is the life of an etcd on one machine.
func etcdSteps() []step {
	get := step{command: "etcdctl get greeting", expect: []string{"hello"}}
	return []step{
		{
			why:     "Install etcd: pulled from the registry, stored in ostree, its unit enabled. Nothing is started.",
			command: "syscontainer install --system etcd", expect: []string{"etcd"},
		},
		{command: "systemctl is-enabled etcd", expect: []string{"enabled"}},
		{command: "systemctl is-active etcd", expect: []string{"inactive"}, mayFail: true},
		{
			why:     "Start it. systemctl returns when etcd itself says that it is ready.",
			command: "systemctl start etcd",
		},
		{command: "etcdctl put greeting 'hello from a system container'", expect: []string{"OK"}},
		get,
		{
			why:     "etcd is the unit's main process; no supervisor, no runtime, no daemon stays beside it.",
			command: "systemctl status etcd --lines=0", expect: []string{"active (running)", "(etcd)"},
		},
		{
			command: "journalctl --unit=etcd --output=cat --lines=4 --grep='ready to serve|notif|leader'",
			expect:  []string{"ready to serve client requests"},
		},
		{
			why:     "Its root is read-only: the files are hard links into the ostree repo.",
			command: "touch /proc/$(systemctl show -P MainPID etcd)/root/usr/bin/new-file",
			expect:  []string{"Read-only file system"}, mayFail: true,
		},
		{
			command: "stat --format='%h links  %n' /var/lib/syscontainer/containers/etcd/current/rootfs/usr/bin/*",
			expect:  []string{"links"},
		},
		{command: "ostree fsck --quiet --repo=/var/lib/syscontainer/repo && echo sound", expect: []string{"sound"}},
		{
			why:     "Kill it: systemd brings it back, with its data.",
			command: "kill -9 $(systemctl show -P MainPID etcd)",
		},
		{
			command: "journalctl --unit=etcd --output=cat --grep='status=9'", expect: []string{"killed, status=9/KILL"},
			within: 5 * time.Second,
		},
		{command: "systemctl is-active etcd", expect: []string{"active"}, within: 15 * time.Second},
		get,
		{
			why:     "Reboot the machine: it comes up with etcd.",
			command: "systemctl reboot", reboot: true,
		},
		get,
		{
			why:     "What is installed?",
			command: "syscontainer list", expect: []string{"etcd"},
		},
		{command: "syscontainer show etcd", expect: []string{"etcd"}},
		{command: "syscontainer install --system etcd", expect: []string{"already"}},
		{
			why:     "Stop it, and take it away again. The data stay.",
			command: "systemctl stop etcd",
		},
		{command: "journalctl --unit=etcd --output=cat --lines=1 --grep='closed etcd'", expect: []string{"closed etcd server"}},
		{command: "syscontainer uninstall etcd"},
		{command: "systemctl status etcd", expect: []string{"could not be found"}, mayFail: true},
		{command: "ls /etc/systemd/system/etcd* /etc/etcd /usr/local/bin/etcdctl", expect: []string{"cannot access"}, mayFail: true},
		{command: "ls /var/lib/etcd", expect: []string{"member"}},
	}
}
