package ostree

import (
	"debug/elf"
	"os"
	"slices"
	"strings"
	"testing"
)

// A function that lazy_symbols.h does not name is linked as usual, and brings all
// libraries back into every start.
func TestLibrariesAreNotLoadedAtTheStart(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := elf.Open(self)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	libraries, err := program.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := program.ImportedSymbols()
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(libraries, func(name string) bool { return !strings.HasPrefix(name, "libc.") }) {
		for _, s := range symbols {
			if strings.HasPrefix(s.Library, "libg") || strings.HasPrefix(s.Library, "libostree") {
				t.Errorf("lazy_symbols.h lacks %s", s.Name)
			}
		}
		t.Errorf("the program is linked with %s", strings.Join(libraries, ", "))
	}
}
