package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
)

// network is what flanneld reads in etcd, as far as there are values for it.
type network struct {
	Network   string
	SubnetLen int `json:",omitempty"`
	Backend   backend
}

type backend struct {
	Type string
	MTU  int `json:",omitempty"` // flanneld takes 0 at its word
}

// networkConfig returns the network configuration that the environment asks for, as JSON.
func networkConfig(env func(string) string) (string, error) {
	if whole := env("FLANNEL_NETWORK_CONFIG"); whole != "" {
		if !json.Valid([]byte(whole)) {
			return "", fmt.Errorf("FLANNEL_NETWORK_CONFIG is not JSON: %s", whole)
		}
		return whole, nil
	}
	subnetLen, err := number(env, "FLANNEL_SUBNET_LEN")
	if err != nil {
		return "", err
	}
	mtu, err := number(env, "FLANNEL_MTU")
	if err != nil {
		return "", err
	}
	n := network{Network: env("FLANNEL_NETWORK"), SubnetLen: subnetLen, Backend: backend{Type: env("FLANNEL_BACKEND"), MTU: mtu}}
	text, err := json.Marshal(n)
	return string(text), err
}

// number is 0 for a variable that is empty.
func number(env func(string) string, name string) (int, error) {
	text := env(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%s is %q, which is no number", name, text)
	}
	return n, nil
}

// sameJSON tells whether two texts mean the same. What is no JSON is the same as nothing else.
func sameJSON(a, b string) bool {
	var left, right any
	return json.Unmarshal([]byte(a), &left) == nil && json.Unmarshal([]byte(b), &right) == nil && reflect.DeepEqual(left, right)
}
