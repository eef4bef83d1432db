package main

import (
	"strings"
	"testing"
)

// environment is a stand-in for os.Getenv.
func environment(variables map[string]string) func(string) string {
	return func(name string) string { return variables[name] }
}

func TestNetworkConfig(t *testing.T) {
	defaults := map[string]string{"FLANNEL_NETWORK": "10.244.0.0/16", "FLANNEL_SUBNET_LEN": "24", "FLANNEL_BACKEND": "vxlan"}
	for name, c := range map[string]struct {
		change map[string]string
		want   string // or a part of the error
	}{
		"defaults":    {nil, `{"Network":"10.244.0.0/16","SubnetLen":24,"Backend":{"Type":"vxlan"}}`},
		"MTU":         {map[string]string{"FLANNEL_MTU": "1400"}, `{"Network":"10.244.0.0/16","SubnetLen":24,"Backend":{"Type":"vxlan","MTU":1400}}`},
		"no length":   {map[string]string{"FLANNEL_SUBNET_LEN": ""}, `{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}}`},
		"a whole one": {map[string]string{"FLANNEL_NETWORK_CONFIG": `{"EnableIPv6": true}`}, `{"EnableIPv6": true}`},
		"no JSON":     {map[string]string{"FLANNEL_NETWORK_CONFIG": "{"}, "FLANNEL_NETWORK_CONFIG is not JSON: {"},
		"no number":   {map[string]string{"FLANNEL_MTU": "many"}, `FLANNEL_MTU is "many", which is no number`},
		"a prefix":    {map[string]string{"FLANNEL_SUBNET_LEN": "/24"}, `FLANNEL_SUBNET_LEN is "/24", which is no number`},
	} {
		variables := map[string]string{}
		for _, from := range []map[string]string{defaults, c.change} {
			for variable, value := range from {
				variables[variable] = value
			}
		}
		got, err := networkConfig(environment(variables))
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestSameJSON(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{`{"a": 1, "b": [2]}`, `{"b":[2],"a":1}`, true},
		{`{"a": 1}`, `{"a": 1, "b": 0}`, false},
		{`{"a": 1}`, `{"a": "1"}`, false},
		{`{`, `{`, false},
		{``, ``, false},
	} {
		if got := sameJSON(c.a, c.b); got != c.same {
			t.Errorf("%s and %s: got %v", c.a, c.b, got)
		}
	}
}

func TestTLSConfig(t *testing.T) {
	if settings, err := tlsConfig(environment(nil)); settings != nil || err != nil {
		t.Errorf("without files: %v, %v", settings, err)
	}
	for variable, want := range map[string]string{
		"FLANNELD_ETCD_CAFILE":   "no such file",
		"FLANNELD_ETCD_CERTFILE": "must both be present",
		"FLANNELD_ETCD_KEYFILE":  "must both be present",
	} {
		_, err := tlsConfig(environment(map[string]string{variable: t.TempDir() + "/none"}))
		if err == nil || !strings.HasPrefix(err.Error(), "reading the certificates for etcd: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", variable, err, want)
		}
	}
}
