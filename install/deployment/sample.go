package deployment

import (
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/moby/sys/capability"
	"github.com/opencontainers/go-digest"
)

// sampleFacts are those of a host on which nothing is installed and nothing is odd,
// the same wherever an author looks at an image.
func sampleFacts() Facts {
	host := Host{Unified: true}
	for _, c := range capability.ListKnown() {
		host.Capabilities = append(host.Capabilities, "CAP_"+strings.ToUpper(c.String()))
	}
	return Facts{
		Host:       host,
		Paths:      Paths{State: "/var/lib/syscontainer"},
		Tree:       sampleTree{},
		Deployment: 1,
		Now:        time.Unix(0, 0).UTC(),
		Generated:  map[string]string{"UUID": "00000000-0000-4000-8000-000000000000"},
		Runtime:    runtimeCandidates[0],
	}
}

// sampleImage stands for the image that a directory will become.
func sampleImage(reference string) Image {
	return Image{Reference: reference, Digest: digest.NewDigestFromEncoded(digest.SHA256, strings.Repeat("0", digest.SHA256.Size()*2))}
}

// OnEveryHost reports whether a path is one that hosts have without any container.
func OnEveryHost(hostPath string) bool {
	_, err := sampleTree{}.Stat(hostPath)
	return err == nil
}

// sampleTree has what every host has: systemd, a runtime, us, and the directories
// and files that programs count on.
type sampleTree struct{}

// Lstat implements HostReader.
func (t sampleTree) Lstat(p string) (fs.FileInfo, error) { return t.Stat(p) }

// Stat implements HostReader.
func (sampleTree) Stat(p string) (fs.FileInfo, error) {
	p = path.Clean(p)
	switch p {
	case runtimeCandidates[0], LauncherPath, programPath, "/bin/sh", "/usr/bin/sh":
		return sampleFile{path.Base(p), 0o755}, nil
	case "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/localtime", "/etc/machine-id", "/etc/os-release",
		"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/nsswitch.conf", "/etc/services", "/etc/protocols":
		return sampleFile{path.Base(p), 0o644}, nil
	case "/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/mnt", "/opt", "/proc", "/root", "/run", "/sbin", "/srv", "/sys", "/tmp",
		"/etc/default", "/etc/profile.d", "/etc/ssl", "/etc/ssl/certs", "/etc/sysctl.d", "/etc/systemd", SystemdDir, tmpfilesDir,
		"/lib/modules", "/usr", "/usr/bin", "/usr/lib", "/usr/lib/modules", "/usr/lib/systemd", "/usr/lib/systemd/system",
		"/usr/libexec", "/usr/local", "/usr/local/bin", "/usr/local/sbin", "/usr/sbin", "/usr/share",
		"/var", "/var/cache", "/var/lib", "/var/log", "/var/run", "/var/spool", "/var/tmp", "/sys/fs/cgroup", "/run/systemd":
		return sampleFile{path.Base(p), fs.ModeDir | 0o755}, nil
	}
	return nil, &fs.PathError{Op: "stat", Path: p, Err: fs.ErrNotExist}
}

// Readlink implements HostReader: there are no links.
func (sampleTree) Readlink(p string) (string, error) {
	return "", &fs.PathError{Op: "readlink", Path: p, Err: fs.ErrInvalid}
}

// ReadDir implements HostReader.
func (sampleTree) ReadDir(string) ([]fs.DirEntry, error) { return nil, nil }

// Xattr implements HostReader.
func (sampleTree) Xattr(string, string) string { return "" }

// Path implements HostReader.
func (sampleTree) Path(p string) (string, error) { return path.Clean(p), nil }

type sampleFile struct {
	name string
	mode fs.FileMode
}

func (f sampleFile) Name() string       { return f.name }
func (f sampleFile) Size() int64        { return 0 }
func (f sampleFile) Mode() fs.FileMode  { return f.mode }
func (f sampleFile) ModTime() time.Time { return time.Time{} }
func (f sampleFile) IsDir() bool        { return f.mode.IsDir() }
func (f sampleFile) Sys() any           { return nil }
