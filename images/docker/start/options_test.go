package main

import (
	"slices"
	"testing"
)

const subnet = "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.78.1/24\nFLANNEL_MTU=1450\n"

func TestCommandLine(t *testing.T) {
	own := []string{"--exec-opt=native.cgroupdriver=cgroupfs", "--cgroup-parent=/system.slice/docker.service/containers"}
	for name, test := range map[string]struct {
		subnet, settings string
		want             []string
	}{
		"neither flannel nor settings": {want: slices.Concat([]string{"dockerd", "--host=unix:///run/docker.sock"}, own)},
		"flannel that masquerades": {
			subnet: subnet + "FLANNEL_IPMASQ=true\n",
			want:   slices.Concat([]string{"dockerd", "--host=unix:///run/docker.sock"}, own, []string{"--bip=10.244.78.1/24", "--mtu=1450", "--ip-masq=false"}),
		},
		"flannel that does not": {
			subnet: subnet + "FLANNEL_IPMASQ=false\n",
			want:   slices.Concat([]string{"dockerd", "--host=unix:///run/docker.sock"}, own, []string{"--bip=10.244.78.1/24", "--mtu=1450"}),
		},
		"what daemon.json says": {
			subnet:   subnet,
			settings: `{"bip": "172.30.0.1/24", "hosts": ["fd://"], "exec-opts": [], "debug": true}`,
			want:     []string{"dockerd", own[1], "--mtu=1450"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := facts{subnet: []byte(test.subnet), settings: []byte(test.settings), unit: "/system.slice/docker.service"}
			got, err := commandLine([]string{"dockerd", "--host=unix:///run/docker.sock"}, f)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %q, %v\nwant %q", got, err, test.want)
			}
		})
	}
}

func TestSettingsThatAreNoJSON(t *testing.T) {
	if args, err := commandLine([]string{"dockerd"}, facts{settings: []byte("{")}); err == nil {
		t.Errorf("got %q", args)
	}
}
