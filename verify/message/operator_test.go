package message_test

import (
	"strings"
	"testing"

	"signet/internal/locale"
	"signet/verify/message"
)

// The operator's template replaces the built-in one of its name, for one language or
// for all, and no other.
func TestTheOperatorsTemplates(t *testing.T) {
	dir := t.TempDir()
	replace(t, dir, "verification.sms.txt", "Hi, {{.Code}}")
	replace(t, dir, "verification.sms.de.txt", "Moin, {{.Code}} für {{.Purpose}}")
	w := newWords(t, dir)
	for l, want := range map[locale.Language]string{locale.German: "Moin, 123456 für login", locale.English: "Hi, 123456", locale.Arabic: "Hi, 123456"} {
		if got := writeSMS(t, w, texted(l, "login")); got != want {
			t.Errorf("%v: %q, want %q", l, got, want)
		}
	}
	if m := write(t, w, asked(locale.German, "login")); !strings.HasPrefix(m.text, "Guten Tag!") {
		t.Errorf("e-mail = %q", m.text)
	}
}

// So do the operator's phrases.
func TestTheOperatorsPhrases(t *testing.T) {
	dir := t.TempDir()
	replace(t, dir, "messages.de.yaml", "email.greeting: Moin & hallo!")
	w := newWords(t, dir)
	m := write(t, w, asked(locale.German, "login"))
	if !strings.HasPrefix(m.text, "Moin & hallo!\n") || !strings.Contains(m.html, "Moin &amp; hallo!") {
		t.Errorf("the greeting is not ours:\n%s", m.text)
	}
	if m := write(t, w, asked(locale.English, "login")); !strings.HasPrefix(m.text, "Hello,") {
		t.Errorf("the English greeting is:\n%s", m.text)
	}
}

// A broken template or phrase is an error at the start, which names its file.
func TestBrokenWords(t *testing.T) {
	for name, text := range map[string]string{
		"verification.email.txt":    "no subject is defined",
		"verification.email.html":   "{{.Nothing}}",
		"verification.email.ar.txt": `{{define "subject"}}x{{end}}{{T "email.nothing"}}`,
		"verification.email.fr.txt": `{{define "subject"}}x{{end}}{{T "email.asked_by"}}`,
		"verification.sms.txt":      "{{if}}",
		"verification.sms.ja.txt":   "{{.Nothing}}",
		"messages.ru.yaml":          `email.code_minutes: {one: "{count} минуту", other: "{count} минут"}`,
		"messages.en.yaml":          "email.greeting: '{name}'",
		"messages.xx.yaml":          "email.greeting: x",
	} {
		dir := t.TempDir()
		replace(t, dir, name, text)
		if _, err := message.New(dir, server, server); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("New with a broken %s = %v", name, err)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		newWords(b, "")
	}
}
