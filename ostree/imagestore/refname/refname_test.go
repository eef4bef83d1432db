package refname

import (
	"regexp"
	"strings"
	"testing"
)

func TestEncode(t *testing.T) {
	for _, test := range []struct{ reference, want string }{
		{"docker://localhost:5000/etcd:latest", "docker_3a_2f_2flocalhost_3a5000_2fetcd_3alatest"},
		{"docker://Reg.example/a_b/c-d.e@sha256:00ff", "docker_3a_2f_2fReg.example_2fa_5fb_2fc-d.e_40sha256_3a00ff"},
		{"oci:/x y/z:", "oci_3a_2fx_20y_2fz_3a"},
		{".hidden", "_2ehidden"},
		{"-x", "_2dx"},
		{strings.Repeat("a", 64), strings.Repeat("a", 64)},
		{strings.Repeat("a", 201), strings.Repeat("a", 200) + "_./a"},
		{strings.Repeat("a", 200) + "-", strings.Repeat("a", 200) + "_./_2d"},
	} {
		got, err := Encode(test.reference)
		if err != nil || got != test.want {
			t.Errorf("encoding %q: %q, %v; want %q", test.reference, got, err, test.want)
		}
		if back, err := Decode(got); err != nil || back != test.reference {
			t.Errorf("decoding %q: %q, %v", got, back, err)
		}
	}
	for _, bad := range []string{"", strings.Repeat("a", maxReference+1)} {
		if got, err := Encode(bad); err == nil {
			t.Errorf("encoding %.10q: %q", bad, got)
		}
	}
	for _, bad := range []string{"", "_", "_4", "_zz", "_61", "a/b", "_.", "_./a", "a b", "_2F", "a_./", "_+1"} {
		if got, err := Decode(bad); err == nil {
			t.Errorf("decoding %q: %q", bad, got)
		}
	}
}

// component is what libostree accepts between the slashes of a ref.
var component = regexp.MustCompile(`^[\w\d][-._\w\d]*$`)

func FuzzRefName(f *testing.F) {
	for _, seed := range []string{"docker://a:1/B_c@sha256:00", "../..", "_.", "a/_./b", strings.Repeat("/", 500), "\x00\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if encoded, err := Encode(s); err == nil {
			if back, err := Decode(encoded); err != nil || back != s {
				t.Errorf("%q became %q and came back as %q, %v", s, encoded, back, err)
			}
			for part := range strings.SplitSeq(encoded, "/") {
				if !component.MatchString(part) || len(part) > 255 {
					t.Errorf("%q became %q, which libostree refuses", s, encoded)
				}
			}
		}
		if decoded, err := Decode(s); err == nil {
			if again, err := Encode(decoded); err != nil || again != s {
				t.Errorf("%q is a second name of %q: %q, %v", s, decoded, again, err)
			}
		}
	})
}
