package message_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"signet/verify/message"
)

var verification = message.Verification{
	Code: "12345678", Link: "https://id.example.org/_signet/verify/TOKEN", Asker: "@alice:example.org",
	CodeMinutes: 15, LinkMinutes: 60,
}

func newWords(t *testing.T, dir string) *message.Words {
	t.Helper()
	w, err := message.New(dir, "id.example.org", "pages.example.org")
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// Both versions of an e-mail say who asks, what to do, and how long it works.
func TestEmail(t *testing.T) {
	subject, text, html, err := newWords(t, "").Email(verification)
	if err != nil || subject != "Confirm your e-mail address for id.example.org" {
		t.Errorf("subject = %q, %v", subject, err)
	}
	for version, words := range map[string]string{"text": text, "HTML": html} {
		for _, want := range []string{"@alice:example.org", "1234 5678", verification.Link, "15 minutes", "60", "id.example.org"} {
			if !strings.Contains(words, want) {
				t.Errorf("the %s does not say %q", version, want)
			}
		}
	}
	if strings.Contains(subject, "1234") {
		t.Error("the subject, which mail servers log, tells the code")
	}
}

// The asker's id is data: it cannot become markup.
func TestTheAskerCannotWriteHTML(t *testing.T) {
	v := verification
	v.Asker = `@<b onclick="x">a</b>:example.org`
	_, _, html, err := newWords(t, "").Email(v)
	if err != nil || strings.Contains(html, "<b onclick") {
		t.Errorf("the HTML holds the asker's markup, %v", err)
	}
}

func TestSMS(t *testing.T) {
	v := verification
	v.Code = "123456"
	text, err := newWords(t, "").SMS(v)
	if err != nil || !strings.HasSuffix(text, "\n\n@pages.example.org #123456") || len(text) > 160 {
		t.Errorf("SMS = %q (%d characters), %v", text, len(text), err)
	}
}

func TestGrouped(t *testing.T) {
	for code, want := range map[string]string{"12345678": "1234 5678", "123456": "123 456", "1": "1", "": "", "1234567890": "1234567890"} {
		if got := (message.Verification{Code: code}).Grouped(); got != want {
			t.Errorf("Grouped(%q) = %q, want %q", code, got, want)
		}
	}
}

// The operator's file replaces the built-in one of its name, and no other.
func TestTheOperatorsWords(t *testing.T) {
	dir := t.TempDir()
	replace(t, dir, "verification.sms.txt", "Hallo, {{.Code}}")
	w := newWords(t, dir)
	if text, err := w.SMS(verification); err != nil || text != "Hallo, 12345678" {
		t.Errorf("SMS = %q, %v", text, err)
	}
	if _, text, _, err := w.Email(verification); err != nil || !strings.HasPrefix(text, "Hello,") {
		t.Errorf("e-mail = %q, %v", text, err)
	}
}

// A broken template is an error at the start, which names its file.
func TestBrokenWords(t *testing.T) {
	for name, text := range map[string]string{
		"verification.email.txt":  "no subject is defined",
		"verification.email.html": "{{.Nothing}}",
		"verification.sms.txt":    "{{if}}",
	} {
		dir := t.TempDir()
		replace(t, dir, name, text)
		if _, err := message.New(dir, "id.example.org", "id.example.org"); err == nil || !strings.Contains(err.Error(), strings.TrimSuffix(name, filepath.Ext(name))) {
			t.Errorf("New with a broken %s = %v", name, err)
		}
	}
}

func replace(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
