// Package configtest holds the operators' manual against the configuration that a
// program reads.
package configtest

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"signet/internal/config"
)

// row is a line of a table of keys: its name and its default.
var row = regexp.MustCompile("^\\| `([^`]+)` \\| (?:`([^`]*)`)? ?\\|")

// CheckManual compares the tables below "## Both programs" and below the program's
// own heading with the keys and defaults of cfg.
func CheckManual(t *testing.T, manual, program string, cfg any) {
	t.Helper()
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, heading := range []string{"Both programs", program} {
		_, section, found := strings.Cut(string(text), "\n## "+heading+"\n")
		if !found {
			t.Fatalf("%s has no section %q", manual, heading)
		}
		section, _, _ = strings.Cut(section, "\n## ")
		for line := range strings.Lines(section) {
			if m := row.FindStringSubmatch(line); m != nil {
				documented[m[1]] = m[2]
			}
		}
	}
	for _, key := range config.Keys(cfg) {
		value, found := documented[key.Name]
		if !found {
			t.Errorf("%s does not tell of %s", manual, key.Name)
		} else if value != key.Default {
			t.Errorf("%s says that the default of %s is %q; it is %q", manual, key.Name, value, key.Default)
		}
		delete(documented, key.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(documented)) {
		t.Errorf("%s tells of %s, which %s does not know", manual, name, program)
	}
}
