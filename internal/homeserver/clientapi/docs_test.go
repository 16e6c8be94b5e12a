package clientapi_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"signet/internal/homeserver/clientapi"
)

var servedRow = regexp.MustCompile("(?m)^\\| `(/[^`]+)` \\| ([A-Z ]+) \\|$")

// docs/homeserver.md has every route, and none that is not there.
func TestTheDocumentHasEveryRoute(t *testing.T) {
	page, err := os.ReadFile("../../../docs/homeserver.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	before, federation, _ := strings.Cut(text, "\n## Federation\n") // which is held by a test of fedapi
	if _, after, found := strings.Cut(federation, "\n## "); found {
		text = before + after
	}
	var written, served []string
	for _, row := range servedRow.FindAllStringSubmatch(text, -1) {
		for method := range strings.FieldsSeq(row[2]) {
			written = append(written, method+" "+row[1])
		}
	}
	for _, r := range new(clientapi.API).Routes() {
		if !strings.Contains(r.Path, "/r0/") {
			served = append(served, r.Method+" "+strings.TrimSuffix(r.Path, "/"))
		}
	}
	slices.Sort(written)
	slices.Sort(served)
	for _, route := range slices.Compact(served) {
		if !slices.Contains(written, route) {
			t.Errorf("docs/homeserver.md does not have %s", route)
		}
	}
	for _, route := range written {
		if !slices.Contains(served, route) {
			t.Errorf("docs/homeserver.md has %s, which is not served", route)
		}
	}
}
