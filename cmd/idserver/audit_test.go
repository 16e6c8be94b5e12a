package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

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

	_, others := audittest.NewKey(t, "id.example.org/servers", 9)
	run(2, `the key id.example.org/servers+`, server.URL, "--key", others)
	run(2, `is of another log: what is there is the log "id.example.org/users"`, server.URL, "--key", others, "--state", filepath.Join(t.TempDir(), "new"))

	delete(site, "tile/entries/000")
	run(2, "reading tile/entries/000: not found: the server answers 404", server.URL, "--key", l.VKey)
	run(2, "a log is read over https", "http://id.example.org/", "--key", l.VKey)
	run(2, "no such file", filepath.Join(dir, "none"), "--key", l.VKey)
	run(2, "--key: malformed", server.URL, "--key", "x")
	run(2, "missing flags: --key", server.URL)
	run(2, "ends neither in /users nor in /servers", server.URL, "--key", l.VKey, "--origin", "x")
	run(2, "not what was seen of this log", dir, "--key", stranger, "--state", state)
}

// Whoever runs a log that lies has written what is shown as evidence, and how requests are
// answered: a terminal gets none of it as it is.
func TestAnAuditObeysNobody(t *testing.T) {
	const evil = "\u009b2J\u007f\u202e"
	l := audittest.New(t, "id.example.org/users")
	l.Epoch(3)
	site := l.Publish()
	text, _, _ := strings.Cut(string(site["checkpoint"]), "\n\n")
	signed, err := note.Sign(&note.Note{Text: text + "\n" + evil + "\n"}, l.Signer)
	if err != nil {
		t.Fatal(err)
	}
	site["checkpoint"], site["tile/0/000.p/5"] = signed, audittest.Flip(site["tile/0/000.p/5"], 3)
	refuses := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "HTTP/1.1 403 No"+evil+"\r\nContent-Length: 0\r\n\r\n")
	})
	for wants, handler := range map[string]http.Handler{"THE LOG LIES: entry 0 ": site, "the server answers 403 No": refuses} {
		server := httptest.NewServer(handler)
		var said bytes.Buffer
		env := program.Env{Ctx: t.Context(), Stdout: &said, Stderr: &said, Now: func() time.Time { return time.UnixMilli(1_700_000_031_000) }}
		idserver.Run(new(commandLine), []string{"audit", server.URL, "--key", l.VKey}, env)
		server.Close()
		if got := said.String(); !strings.Contains(got, wants) || !strings.Contains(got, `\u{009b}2J\u{007f}\u{202e}`) || strings.ContainsAny(got, "\u009b\u007f\u202e") {
			t.Errorf("an audit says %q, want %q and nothing to obey", got, wants)
		}
	}
}
