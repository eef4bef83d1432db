package hosttest

import (
	"encoding/json"
	"strings"
	"testing"
)

// Contains reports an error for each word that is not in a text.
func Contains(t testing.TB, what, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%s should have %q:\n%s", what, word, text)
		}
	}
}

// SameText reports an error when two texts differ.
func SameText(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// Parse reads JSON, and stops the test when it is none.
func Parse(t testing.TB, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in what should be JSON:\n%s", err, text)
	}
}
