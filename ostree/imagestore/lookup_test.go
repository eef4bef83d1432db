package imagestore

import (
	"strings"
	"testing"
)

func TestPrefixes(t *testing.T) {
	long := strings.Repeat("0a", 32)
	for text, want := range map[string]struct{ is, pulled bool }{
		"abc":                {false, false},
		"beef":               {true, false},
		"deadbeefcafe":       {true, true},
		"deadbeefcafE":       {false, false},
		"sha256:abc":         {false, false},
		"sha256:beef":        {true, true},
		"sha256:" + long:     {true, true},
		long:                 {true, true},
		long + "0":           {false, false},
		"sha256:sha256:beef": {false, false},
		"sha512:beef":        {false, false},
		"":                   {false, false},
	} {
		if isPrefix(text) != want.is || isPulledAsPrefix(text) != want.pulled {
			t.Errorf("%q: a prefix %v, pulled as one %v", text, isPrefix(text), isPulledAsPrefix(text))
		}
	}
}
