package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	for name, c := range map[string]struct {
		events string
		ok     bool
		want   string
	}{
		"passed": {
			events: `{"Action":"output","Package":"p","Test":"TestA","Output":"chatter\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Elapsed":1.5}`,
			ok:   true,
			want: "ok     p: 1 passed, 0 failed, 1.5 s\n1 passed, 0 failed\n",
		},
		"failed": {
			events: `{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:1: no\n"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"fail","Package":"p","Elapsed":0}`,
			want: "    b_test.go:1: no\nFAILED p: 1 passed, 1 failed, 0.0 s\n1 passed, 1 failed\n",
		},
		"skipped": {
			events: `{"Action":"output","Package":"p","Test":"TestA","Output":"--- SKIP: TestA\n"}
{"Action":"skip","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Elapsed":0}`,
			want: "--- SKIP: TestA\nFAILED p: 0 passed, 1 failed, 0.0 s\n0 passed, 1 failed\n",
		},
		"not built": {
			events: `{"Action":"build-output","ImportPath":"p","Output":"p.go:1: syntax error\n"}
{"Action":"build-fail","ImportPath":"p"}
{"Action":"output","Package":"p","Output":"FAIL p [build failed]\n"}
{"Action":"fail","Package":"p","Elapsed":0}`,
			want: "p.go:1: syntax error\nFAIL p [build failed]\nFAILED p: 0 passed, 1 failed, 0.0 s\n0 passed, 1 failed\n",
		},
		"ended within a test": {
			events: `{"Action":"output","Package":"p","Test":"TestA","Output":"panic: test timed out\n"}
{"Action":"fail","Package":"p","Elapsed":0}`,
			want: "panic: test timed out\nFAILED p: 0 passed, 1 failed, 0.0 s\n0 passed, 1 failed\n",
		},
		"a package without tests": {
			events: `{"Action":"skip","Package":"p","Elapsed":0}`,
			want:   "0 passed, 0 failed\n",
		},
		"go itself failed": {
			events: "go: no such module",
			want:   "go: no such module\n0 passed, 0 failed\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			ok := report(strings.NewReader(c.events), &out)
			if ok != c.ok || out.String() != c.want {
				t.Errorf("ok is %v, and it says\n%swant\n%s", ok, out.String(), c.want)
			}
		})
	}
}
