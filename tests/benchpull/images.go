package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/syscontainer/syscontainer/tests/host"
)

// The contents of the images: packages of Debian, which are neither noise nor zeros, each as its data is.
const (
	system = "base-files base-passwd bash coreutils dash dpkg debianutils diffutils findutils gawk grep gzip hostname " +
		"init-system-helpers libc-bin libc6 libapt-pkg7.0 apt libpam-modules login.defs mawk ncurses-base ncurses-bin " +
		"passwd perl-base sed sysvinit-utils tar util-linux mount libsystemd0 libudev1 libgnutls30t64 libssl3t64 " +
		"openssl tzdata libstdc++6 zlib1g libzstd1 ca-certificates"
	languages = "locales perl-modules-5.40 libperl5.40 python3.13-minimal libpython3.13-minimal libpython3.13-stdlib " +
		"python3-pip-whl python3-setuptools python3-numpy python3-yaml python3-cryptography git vim-runtime nodejs " +
		"libnode115 libicu76 systemd udev openssh-client curl sqlite3 iproute2 procps"
	compiler = "libc6-dev linux-libc-dev binutils-x86-64-linux-gnu cpp-14-x86-64-linux-gnu libgcc-14-dev"
	browsers = "chromium firefox-esr thunderbird"
	engines  = "libqt6webenginecore6 libllvm19 libclang-cpp19 libwebkit2gtk-4.1-0 blender"
	servers  = "openjdk-21-jre-headless docker.io hugo libstd-rust-1.85 fonts-noto-cjk"
)

// image is one that is pulled.
type image struct {
	name   string
	about  string
	layers []layer
	over   string // an image that is there already and stays; "" is none
	most   targets
}

// layer is made of packages, or of one file.
type layer struct {
	packages   string
	file, text string
}

// targets are how many times as long as others syscontainer may take at most; 0 is any time.
type targets struct{ podman, tar float64 }

// images are in the order in which they are pulled.
func images() []image {
	a := []layer{{packages: system}, {packages: languages}, {packages: compiler}}
	var b []layer
	for name := range strings.FieldsSeq(system) {
		b = append(b, layer{packages: name})
	}
	return []image{
		{name: "a", about: "many files, 3 layers", layers: a, most: targets{podman: 0.5, tar: 1.0}},
		{
			name: "d", about: "a with a changed file in a fourth layer, when a is there", over: "a", most: targets{podman: 0.3},
			layers: append(slices.Clone(a), layer{file: "etc/debian_version", text: "changed\n"}),
		},
		{name: "b", about: "40 small layers", layers: b, most: targets{podman: 0.5}},
		{
			name: "c", about: "few big files, 3 layers", most: targets{podman: 0.6},
			layers: []layer{{packages: browsers}, {packages: engines}, {packages: servers}},
		},
	}
}

// choose picks the images that are named; "" names all.
func choose(from []image, names string) ([]image, error) {
	wanted := strings.Fields(names)
	if len(wanted) == 0 {
		return from, nil
	}
	var chosen []image
	for _, img := range from {
		if slices.Contains(wanted, img.name) {
			chosen = append(chosen, img)
		}
	}
	if len(chosen) != len(wanted) {
		return nil, fmt.Errorf("BENCH_IMAGES is %q, not some of a, b, c and d", names)
	}
	return chosen, nil
}

// made is an image in a layout on this machine.
type made struct {
	host.Image `json:"-"`
	Bytes      int64 // of all regular files
	Files      int   // how many these are
	Blobs      []string
}

// describes is the file beside a layout that says what is in it.
const describes = "made.json"

// make writes the layout of an image, or finds the one that an earlier run left.
func (img image) make(ctx context.Context, lab *host.Lab, debs string) (made, error) {
	recipe := fmt.Sprintf("1 %s %q", filepath.Base(debs), img.layers)
	dir, err := lab.Build("bench", fmt.Sprintf("%s-%.12x", img.name, sha256.Sum256([]byte(recipe))), func(dir string) error {
		w := layoutWriter{dir: dir}
		for _, l := range img.layers {
			if err := w.layer(ctx, l, debs); err != nil {
				return err
			}
		}
		return w.finish()
	})
	if err != nil {
		return made{}, fmt.Errorf("making image %s: %w", img.name, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, describes))
	if err != nil {
		return made{}, err
	}
	m := made{Image: host.Image{Layout: dir, Tag: tag}}
	return m, json.Unmarshal(text, &m)
}

// download returns a folder with the packages of all images.
func download(ctx context.Context, lab *host.Lab, suite host.Suite) (string, error) {
	names := strings.Fields(strings.Join([]string{system, languages, compiler, browsers, engines, servers}, " "))
	key := fmt.Sprintf("debs-%.12x", sha256.Sum256(fmt.Append(nil, suite, names)))
	return lab.Build("bench", key, func(dir string) error {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		// mmdebstrap sets up an apt for the suite, whatever this machine runs; nothing is installed.
		hook := `cd "$DEBS" && APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -q -o APT::Sandbox::User=root download ` + strings.Join(names, " ")
		cmd := exec.CommandContext(ctx, "mmdebstrap", "--quiet", "--mode=root", "--variant=custom", "--format=null",
			"--customize-hook="+hook, string(suite), "/dev/null")
		cmd.Env = append(os.Environ(), "DEBS="+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("downloading packages: %w\n%s", err, out)
		}
		return nil
	})
}
