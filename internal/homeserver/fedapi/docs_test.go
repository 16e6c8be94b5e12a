package fedapi_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"signet/internal/homeserver/fedapi"
)

var servedRow = regexp.MustCompile("(?m)^\\| `(/[^`]+)` \\| ([A-Z ]+) \\|$")

// docs/homeserver.md has every route of the federation below its heading, and none that is
// not there.
func TestTheDocumentHasEveryRoute(t *testing.T) {
	page, err := os.ReadFile("../../../docs/homeserver.md")
	if err != nil {
		t.Fatal(err)
	}
	_, federation, found := strings.Cut(string(page), "\n## Federation\n")
	if !found {
		t.Fatal("docs/homeserver.md has no heading Federation")
	}
	federation, _, _ = strings.Cut(federation, "\n## ")
	var written, served []string
	for _, row := range servedRow.FindAllStringSubmatch(federation, -1) {
		for method := range strings.FieldsSeq(row[2]) {
			written = append(written, method+" "+row[1])
		}
	}
	for _, r := range new(fedapi.API).Routes() {
		served = append(served, r.Method+" "+r.Path)
	}
	slices.Sort(written)
	slices.Sort(served)
	if !slices.Equal(written, served) {
		t.Errorf("docs/homeserver.md has\n%s\nserved is\n%s", strings.Join(written, "\n"), strings.Join(served, "\n"))
	}
}
