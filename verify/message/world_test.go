package message_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"signet/internal/locale"
	"signet/verify/message"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	server = "id.example.org"
	link   = "https://pages.example.org/_signet/verify/ABCDEFGHJKLMNPQRSTUV"
	stop   = "https://pages.example.org/n/ABCDEFGHJKLM"
	user   = "@alice:example.org"
	asker  = "matrix.example.org"
)

// asked is what a verification of alice's tells in a language, for a purpose.
func asked(l locale.Language, purpose string) message.Verification {
	return message.Verification{
		Language: l, Purpose: purpose, User: user, Asker: asker,
		Code: "12345678", Link: link, StopLink: stop, CodeMinutes: 15, LinkMinutes: 60,
	}
}

// texted is the same in a text message.
func texted(l locale.Language, purpose string) message.Verification {
	v := asked(l, purpose)
	v.Code, v.Link = "123456", ""
	return v
}

// everything calls f with each language and purpose.
func everything(f func(l locale.Language, purpose string)) {
	for _, l := range locale.Languages() {
		for _, purpose := range message.Purposes() {
			f(l, purpose)
		}
	}
}

func newWords(t testing.TB, dir string) *message.Words {
	return newWordsFor(t, dir, "pages.example.org")
}

func newWordsFor(t testing.TB, dir, host string) *message.Words {
	t.Helper()
	w, err := message.New(dir, server, host)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// email is an e-mail: its subject, text and HTML.
type email struct{ subject, text, html string }

func write(t testing.TB, w *message.Words, v message.Verification) email {
	t.Helper()
	subject, text, html, err := w.Email(v)
	if err != nil {
		t.Fatalf("an e-mail to %s in %v: %v", v.Purpose, v.Language, err)
	}
	return email{subject, text, html}
}

func writeSMS(t testing.TB, w *message.Words, v message.Verification) string {
	t.Helper()
	text, err := w.SMS(v)
	if err != nil {
		t.Fatalf("a text message to %s in %v: %v", v.Purpose, v.Language, err)
	}
	return text
}

// golden compares what was written with what a person has read and found good.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s has changed (go test ./verify/message -update): -want +got\n%s", name, diff)
	}
}

func replace(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
