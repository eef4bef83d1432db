package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// advise adds to an error about an image what people can do about it, unless
// something was said already; root is the directory of --root, or "".
func advise(err error, root string) error {
	var (
		advised   *hint.Error
		failed    *imagestore.PullError
		ambiguous *imagestore.AmbiguousError
		named     *imagestore.ManyNamesError
	)
	switch {
	case err == nil, errors.As(err, &advised):
		return err
	case errors.As(err, &ambiguous):
		return hint.Add(err, "give more of the digits")
	case errors.As(err, &named):
		return hint.Add(err, "give the names that are to go")
	case errors.As(err, &failed):
		return advisePull(err, failed, root)
	case errors.Is(err, imagestore.ErrNotFound):
		return hint.Add(err, "see what there is, with: syscontainer images list")
	}
	return err
}

// advisePull is advise for what came from elsewhere, or was to go there.
func advisePull(err error, failed *imagestore.PullError, root string) error {
	file := func(name string) string { return filepath.Join("/", root, name) }
	host := registryHost(failed.Reference)
	switch failed.Reason {
	case imagestore.ErrUnauthorized:
		return hint.Add(err, "log in with: podman login %[1]s, or: skopeo login --authfile FILE %[1]s\nand name the file with --authfile, unless it is one of the user's own", host)
	case imagestore.ErrNoDocker:
		return hint.Add(err, "see whether it runs, with: systemctl status docker")
	case imagestore.ErrUntrusted:
		return hint.Add(err, "put the certificate of the registry's CA into %s\nor, if the registry is to be trusted without, say insecure = true of it in %s",
			file("etc/containers/certs.d/"+host+"/ca.crt"), file("etc/containers/registries.conf"))
	case imagestore.ErrForm:
		return hint.Add(err, "archives are read as oci-archive: or docker-archive:, directories as oci: or dir:")
	case imagestore.ErrShortName, nil:
		return adviseForm(err, failed.Reference)
	case imagestore.ErrBlocked:
		return hint.Add(err, "%s blocks it", file("etc/containers/registries.conf"))
	case imagestore.ErrRejected:
		return hint.Add(err, "who may be trusted is in policy.json; another one is taken with --policy")
	case imagestore.ErrNoPolicy:
		return hint.Add(err, "say which images are to be trusted in %s; see containers-policy.json(5)", file("etc/containers/policy.json"))
	case imagestore.ErrStalled:
		return hint.Add(err, "where that is not long enough, set stall_timeout in %s", file("etc/syscontainer/config.toml"))
	}
	return err
}

// registryHost is the registry in a reference; REGISTRY when there is none.
func registryHost(reference string) string {
	name, found := strings.CutPrefix(reference, "docker://")
	if !found {
		return "REGISTRY"
	}
	host, _, _ := strings.Cut(name, "/")
	return host
}

// unknownCommand is the error for a command that there is not. Who knows it from podman or
// systemctl is told what does here what it does there.
func unknownCommand(name string) error {
	err := fmt.Errorf("there is no command %q; see: syscontainer --help", name)
	if instead := instead(name); instead != "" {
		err = hint.Add(err, "for that: %s", instead)
	}
	return &hint.UsageError{Err: err}
}

func instead(command string) string {
	switch command {
	case "start", "stop", "restart", "status", "enable", "disable":
		return "systemctl " + command + " NAME"
	case "logs":
		return "journalctl --unit NAME"
	case "ls", "ps":
		return "syscontainer list"
	case "rm", "remove":
		return "syscontainer uninstall NAME"
	case "upgrade":
		return "syscontainer update NAME"
	case "set":
		return "syscontainer update --set NAME=VALUE NAME"
	case "image", "rmi":
		return "syscontainer images"
	}
	return ""
}
