package deployment

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// recordVersion is the format of record.json. A record of a later version is
// refused: this program would not know what it leaves behind.
const recordVersion = 1

// Head is what a record is the record of.
type Head struct {
	Version    int      `json:"version"`
	Name       string   `json:"name"`
	Deployment int      `json:"deployment"`
	Image      ImageRef `json:"image"`
	// Unit is the service, "" when the image only installs files.
	Unit string `json:"unit,omitempty"`
}

// Record describes one deployment completely: with it and the directory beside
// it the host can be converged to the deployment, or rid of it.
type Record struct {
	Head
	Created time.Time `json:"created"`
	// Values are those that the user set, and no others, so that a new image's
	// new defaults take effect.
	Values map[string]string `json:"values"`
	// Secrets are the variables that the user set and the image calls secret, sorted.
	// Their values are in files of the deployment, and never here.
	Secrets []string `json:"secrets,omitempty"`
	// Generated are values that were made once and stay: UUID.
	Generated map[string]string `json:"generated"`
	// Runtime is the OCI runtime that the unit runs; "" where there is no container.
	Runtime string `json:"runtime,omitempty"`
	// Data is the directory below which the container's data is: what a purge removes
	// is there.
	Data string `json:"data"`
	// Found is what was in Data before the container was, Data itself as the first. It is
	// empty where Data was not there, or is what an earlier installation
	// of the container left.
	Found []string `json:"found,omitempty"`
	// PIDFile is where the runtime writes the container's pid.
	PIDFile string `json:"pid_file,omitempty"`
	// Ports are those that the image exposes, as 80/tcp, sorted.
	Ports []string `json:"ports,omitempty"`
	// HealthCheck tells whether the container works; nil where nothing does.
	HealthCheck *HealthCheck `json:"health_check,omitempty"`
	// Units are those that the image brings beside it.
	Units []UnitRef `json:"units,omitempty"`
	// Enabled says that installing enabled the units.
	Enabled   bool      `json:"enabled"`
	Relations Relations `json:"relations"`
	// Rendered are the files of the deployment that do not come from the image as they
	// are. A record of an early version has none.
	Rendered []Rendered `json:"rendered,omitempty"`
	// MountPoints must exist in the rootfs for the runtime to mount there. A record of
	// an early version does not tell.
	MountPoints []MountPoint `json:"mount_points,omitempty"`
	// Files are all entries that the deployment puts onto the host: unit,
	// drop-in, tmpfiles.d file and the image's host files.
	Files []HostFile `json:"files"`
}

// Rendered is a file of the deployment that was made for it.
type Rendered struct {
	Path string `json:"path"` // relative to the deployment
	Mode Mode   `json:"mode"`
	// SHA256 is "" for a secret: its checksum would tell who can guess.
	SHA256 string `json:"sha256,omitempty"`
}

// MountPoint is a directory or a file of the rootfs at which something is mounted.
// The image may have it; what it lacks is made.
type MountPoint struct {
	Path string `json:"path"`
	Dir  bool   `json:"dir"`
	Mode Mode   `json:"mode"`
}

// Relations are orderings and requirements that the user adds to what the image's
// unit says. Each is a list of unit names.
type Relations struct {
	After    []string `json:"after,omitempty"`
	Before   []string `json:"before,omitempty"`
	Requires []string `json:"requires,omitempty"`
	Wants    []string `json:"wants,omitempty"`
}

// ImageRef says which image a deployment was made from.
type ImageRef struct {
	Given     string `json:"given,omitempty"` // by the user; what templates see as IMAGE_NAME
	Reference string `json:"reference"`
	Digest    string `json:"digest"`
	Commit    string `json:"commit"`
}

// Kind is what a host file is.
type Kind string

// The kinds of host files.
const (
	File      Kind = "file"
	Symlink   Kind = "symlink"
	Directory Kind = "directory"
)

// HostFile is one entry that a deployment puts onto the host.
type HostFile struct {
	Path string `json:"path"`
	Kind Kind   `json:"kind"`
	Mode Mode   `json:"mode"`
	UID  int    `json:"uid"`
	GID  int    `json:"gid"`
	// Source is where a file's content is, relative to the deployment.
	Source string `json:"source,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	// Origin is the entry of the image, relative to the deployment, where that is not
	// Source: the extended attributes are taken from there.
	Origin string `json:"origin,omitempty"`
	// Target is where a symbolic link leads.
	Target string `json:"target,omitempty"`
	// Beside is the file of the administrator's beside which this one is put; ""
	// for a file in its own place.
	Beside string `json:"beside,omitempty"`
	// Linkable files may be hard links to the object in the repo.
	Linkable bool `json:"linkable,omitempty"`
}

// OfImage reports whether the entry is one of the image's, and not one that we make for
// systemd.
func (f HostFile) OfImage() bool { return f.Origin != "" || strings.HasPrefix(f.Source, RootfsDir+"/") }

// Mode is a file's permission bits with setuid, setgid and sticky, as chmod
// takes them; JSON has them in octal.
type Mode uint32

const modeBits = 0o7777

// ModeOf returns the bits of m in chmod's order.
func ModeOf(m fs.FileMode) Mode {
	bits := Mode(m.Perm())
	for flag, bit := range map[fs.FileMode]Mode{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if m&flag != 0 {
			bits |= bit
		}
	}
	return bits
}

// FileMode returns the bits as the os package has them.
func (m Mode) FileMode() fs.FileMode {
	mode := fs.FileMode(m & 0o777)
	for flag, bit := range map[fs.FileMode]Mode{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if m&bit != 0 {
			mode |= flag
		}
	}
	return mode
}

// MarshalText writes the bits in octal with a leading zero.
func (m Mode) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%04o", uint32(m)), nil }

// UnmarshalText reads what MarshalText wrote.
func (m *Mode) UnmarshalText(text []byte) error {
	bits, err := strconv.ParseUint(string(text), 8, 32)
	if err != nil || bits > modeBits {
		return fmt.Errorf("reading the file mode %q: not octal permission bits", text)
	}
	*m = Mode(bits)
	return nil
}

// Encode returns the record as it is stored.
func (r *Record) Encode() ([]byte, error) {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding the record of %s: %w", r.Name, err)
	}
	return append(data, '\n'), nil
}

// DecodeRecord reads what Encode wrote. The error says so when a later version of this
// program did.
func DecodeRecord(data []byte) (*Record, error) {
	var r Record
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("decoding a record: %w", err)
	}
	if err := r.Head.check(); err != nil {
		return nil, err
	}
	return &r, nil
}

// DecodeHead is DecodeRecord for who needs to know no more, and a tenth of the work: it
// reads as far as it has to, and does not know whether the rest is sound, but that it is
// not cut off.
func DecodeHead(data []byte) (Head, error) {
	var h Head
	if err := h.decode(data); err != nil {
		return Head{}, fmt.Errorf("decoding a record: %w", err)
	}
	return h, h.check()
}

func (h *Head) decode(data []byte) error {
	if !bytes.HasSuffix(bytes.TrimSpace(data), []byte("}")) {
		return io.ErrUnexpectedEOF
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	if begin, err := decoder.Token(); err != nil || begin != json.Delim('{') {
		return cmp.Or(err, errors.New("not an object"))
	}
	fields := map[json.Token]any{
		"version": &h.Version, "name": &h.Name, "deployment": &h.Deployment, "image": &h.Image, "unit": &h.Unit,
	}
	for len(fields) > 0 && decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		value := cmp.Or(fields[name], any(&json.RawMessage{}))
		if err := decoder.Decode(value); err != nil {
			return err
		}
		delete(fields, name)
	}
	return nil
}

func (h *Head) check() error {
	if h.Version != recordVersion {
		return fmt.Errorf("decoding a record: format %d, and this program knows %d", h.Version, recordVersion)
	}
	if h.Name == "" || h.Deployment < 1 {
		return errors.New("decoding a record: name or deployment is missing")
	}
	return nil
}

// FilesByPath maps the paths of the record's files to them. A nil record has none.
func (r *Record) FilesByPath() map[string]HostFile {
	files := map[string]HostFile{}
	if r == nil {
		return files
	}
	for _, f := range r.Files {
		files[f.Path] = f
	}
	return files
}

// File returns the entry at path and whether there is one. A nil record has none.
func (r *Record) File(path string) (HostFile, bool) {
	if r == nil {
		return HostFile{}, false
	}
	for _, f := range r.Files {
		if f.Path == path {
			return f, true
		}
	}
	return HostFile{}, false
}
