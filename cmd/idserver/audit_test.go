package main

import (
	"bytes"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/internal/program"
	"signet/keys/audit/audittest"
)

// An audit says what it checked, goes on where it ended, and its exit status is what became
// of it.
func TestAudit(t *testing.T) {
	l := audittest.New(t, "id.example.org/users")
	l.Epoch(300)
	site := l.Publish()
	server := httptest.NewServer(site)
	defer server.Close()
	state := filepath.Join(t.TempDir(), "state")
	dir := t.TempDir()
	site.Write(t, dir)
	run := func(want int, words string, args ...string) {
		t.Helper()
		var out, trouble bytes.Buffer
		env := program.Env{Ctx: t.Context(), Stdout: &out, Stderr: &trouble, Now: func() time.Time { return time.UnixMilli(1_700_000_031_000) }}
		status := idserver.Run(new(commandLine), append([]string{"audit"}, args...), env)
		said := strings.Join(strings.Fields(out.String()+trouble.String()), " ")
		if status != want || !strings.Contains(said, words) {
			t.Errorf("audit %v ends with %d and says %q, want %d and %q", args, status, said, want, words)
		}
	}
	run(0, "entries 302 read: 300 INSERT, 0 RECORD, 1 CONFIG, 1 EPOCH tiles 2 bundles and 3 hash tiles hold these entries and no others "+
		"I1 the checkpoint ends in an EPOCH of its own position, 30s old I2", server.URL, "--key", l.VKey)
	run(0, "The log holds.", dir, "--key", l.VKey)
	run(0, "history read from the first entry", server.URL, "--key", l.VKey, "--origin", l.Origin, "--state", state)
	run(0, "history goes on from the 302 entries of the last audit", server.URL, "--key", l.VKey, "--state", state)

	bundle := site["tile/entries/000"]
	site["tile/entries/000"] = audittest.Flip(bundle, 500)
	run(1, "THE LOG LIES: entry 7 breaks a promise (tiles)", server.URL, "--key", l.VKey)
	site["tile/entries/000"] = bundle
	signed := site["checkpoint"]
	site["checkpoint"] = l.Sign(l.Origin, 302, make([]byte, 32))
	run(1, "This was seen before, and stays in "+state+": "+strings.Join(strings.Fields(string(signed)), " ")+
		" This is shown now: "+strings.Join(strings.Fields(string(site["checkpoint"])), " "), server.URL, "--key", l.VKey, "--state", state)
	site["checkpoint"] = signed
	_, stranger := audittest.NewKey(t, l.Origin, 9)
	run(1, "it is not signed by "+l.Origin, server.URL, "--key", stranger)

	delete(site, "tile/entries/000")
	run(2, "reading tile/entries/000: not found: the server answers 404", server.URL, "--key", l.VKey)
	run(2, "a log is read over https", "http://id.example.org/", "--key", l.VKey)
	run(2, "no such file", filepath.Join(dir, "none"), "--key", l.VKey)
	run(2, "--key: malformed", server.URL, "--key", "x")
	run(2, "missing flags: --key", server.URL)
	run(2, "ends neither in /users nor in /servers", server.URL, "--key", l.VKey, "--origin", "x")
	run(2, "not what was seen of this log", dir, "--key", stranger, "--state", state)
}
