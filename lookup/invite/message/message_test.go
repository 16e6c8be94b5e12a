package message_test

import (
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"signet/internal/locale"
	"signet/internal/wording"
	"signet/lookup/invite/message"
)

const (
	server = "id.example.org"
	link   = "https://pages.example.org/invitation#token=AAAAAAAAAAAAAAAAAAAAAA&key=BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
	never  = "https://pages.example.org/invitation/never/CCCC"
)

func invited(l locale.Language) message.Invitation {
	return message.Invitation{Language: l, Sender: "@alice:example.org", SenderName: "Alice", Room: "Tea", Link: link, NeverLink: never, Days: 7}
}

func newWords(t testing.TB, dir, host string) *message.Words {
	t.Helper()
	w, err := message.New(dir, server, host)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func write(t testing.TB, w *message.Words, i message.Invitation) (subject, text, page string) {
	t.Helper()
	subject, text, page, err := w.Email(i)
	if err != nil {
		t.Fatal(err)
	}
	return subject, text, page
}

// unjoined is a text without the joiners of quoted names.
func unjoined(s string) string { return strings.ReplaceAll(s, "\u2060", "") }

// Every e-mail says who invites, where to, by which server, for how long, where to see
// it and where to refuse, in both of its versions.
func TestEmail(t *testing.T) {
	w := newWords(t, "", "pages.example.org")
	subjects := map[string]bool{}
	for _, l := range locale.Languages() {
		for i := range 8 {
			v := invited(l)
			wants := []string{v.Sender, server, "7", link, never}
			if i&1 != 0 {
				v.SenderName = ""
			} else {
				wants = append(wants, "Alice (@alice:example.org)")
			}
			if i&2 != 0 {
				v.Room = ""
			} else {
				wants = append(wants, "Tea")
			}
			v.Space = i&4 != 0
			subject, text, page := write(t, w, v)
			for _, want := range wants {
				if !strings.Contains(unjoined(text), want) || !strings.Contains(html.UnescapeString(unjoined(page)), want) {
					t.Errorf("%v, %d: the text or the HTML does not say %q:\n%s\n%s", l, i, want, text, page)
				}
			}
			if strings.Contains(subject, "\n") || !strings.Contains(subject, server) || strings.Contains(unjoined(subject), "lice") {
				t.Errorf("%v: the subject is %q", l, subject)
			}
			if strings.Contains(text+page, "no value") || strings.ContainsAny(text, "{}<>") {
				t.Errorf("%v: something was not filled in:\n%s", l, text)
			}
			subjects[subject] = true
		}
	}
	if want := 2 * len(locale.Languages()); len(subjects) != want {
		t.Errorf("%d subjects, want %d", len(subjects), want)
	}
}

var urls = regexp.MustCompile(`(?i)[a-z]+:/+[^\s"<]*`)

// The HTML asks nothing of anybody: no picture, no style sheet, no script, and no
// address but the two that the message is about.
func TestTheHTMLIsAloneInTheWorld(t *testing.T) {
	w := newWords(t, "", "pages.example.org")
	for _, l := range locale.Languages() {
		_, _, page := write(t, w, invited(l))
		for _, url := range urls.FindAllString(html.UnescapeString(page), -1) {
			if url != link && url != never {
				t.Errorf("%v: the HTML names %s", l, url)
			}
		}
		for _, remote := range []string{"src=", "url(", "@import", "<link", "<script", "<img", "<form", "<iframe", "onload", "ZgotmplZ", "srcset"} {
			if strings.Contains(strings.ToLower(page), strings.ToLower(remote)) {
				t.Errorf("%v: the HTML has %s", l, remote)
			}
		}
		if want := fmt.Sprintf("<html lang=%q dir=%q>", l, l.Direction()); !strings.Contains(page, want) {
			t.Errorf("%v: the HTML does not begin with %s", l, want)
		}
	}
}

// unicodeOnly are the languages whose letters are not in the GSM 7-bit alphabet.
var unicodeOnly = map[locale.Language]bool{locale.Russian: true, locale.Arabic: true, locale.Chinese: true, locale.Japanese: true}

// A text message is paid for once where the language allows it, and twice, or for a long
// host three times, where it does not.
func TestSMS(t *testing.T) {
	for length := 10; length <= 40; length++ {
		host := strings.Repeat("h", length-4) + ".org"
		w := newWords(t, "", host)
		for _, l := range locale.Languages() {
			v := invited(l)
			v.Link = "https://" + host + "/i#" + strings.Repeat("A", 22+43)
			text, err := w.SMS(v)
			if err != nil {
				t.Fatal(err)
			}
			most := 1
			if unicodeOnly[l] {
				most = 2
				if length > 30 {
					most = 3
				}
			}
			if n := wording.Segments(text); n > most || wording.GSM7(text) == unicodeOnly[l] {
				t.Errorf("%v, a host of %d: %d segments, GSM 7-bit %v:\n%s", l, length, n, wording.GSM7(text), text)
			}
			if !strings.HasSuffix(text, v.Link) {
				t.Errorf("%v: it does not end in its link:\n%s", l, text)
			}
		}
	}
}

// linkish is what mail programs take for a link: a scheme, "www.", or a name, a dot
// and more of a name.
var (
	linkish = regexp.MustCompile(`(?i)http|://|www|[^\s.\x{2060}]\.[^\s.\x{2060}]|\w@\w|mailto:`)
	tag     = regexp.MustCompile(`(?s)<[^>]*>`)
)

var hostileNames = []string{
	"http://evil.example", "HTTP://EVIL", "www.evil.example", "evil.example", "evil.com:8448", "@a@b.com:c.de", "mailto:a@b.org", "evil。example", `\\evil.example\share`,
	`"><img src=x>`, "</bdi></p><script>", "<!--", "&lt;script&gt;", "{{.Link}}", "{sender}", "a\nBcc: x@y.org", "a\r\n\r\nb", "\u2028x\u2029y", "\u202eevil",
	"\u2066x\u2069\u2069", "x\x00y\x1b[2J", "\xff\xfe", strings.Repeat("a.", 5000), "call +44 20 7946 0958", "a (@admin:matrix.org)",
}

// checkHarmless checks that names of strangers make no link but ours, no markup but ours,
// no line of theirs and nobody else's id, and no difference to a subject or a text message.
func checkHarmless(t *testing.T, w *message.Words, l locale.Language, name string) {
	t.Helper()
	v := invited(l)
	subject, text, page := write(t, w, v)
	sms, smsErr := w.SMS(v)
	v.SenderName, v.Room = "x"+name, "x"+name
	s, p, h := write(t, w, v)
	again, err := w.SMS(v)
	if again != sms || smsErr != nil || err != nil || s != subject {
		t.Errorf("%v: %.60q changes the subject or the text message:\n%s\n%s", l, name, s, again)
	}
	ours := strings.NewReplacer(link, "", never, "", server, "", "@\u2060alice", "")
	for version, s := range map[string]string{"text": p, "HTML": html.UnescapeString(tag.ReplaceAllString(h[strings.Index(h, "<body"):], ""))} {
		if found := linkish.FindString(ours.Replace(s)); found != "" {
			t.Errorf("%v: %.60q makes %q in the %s", l, name, found, version)
		}
	}
	if strings.Count(p, "\n") != strings.Count(text, "\n") || strings.Join(tag.FindAllString(h, -1), "") != strings.Join(tag.FindAllString(page, -1), "") {
		t.Errorf("%v: %.60q adds lines or markup", l, name)
	}
	if strings.ContainsAny(p, "\u202a\u202b\u202d\u202e\u2066\u2067\u200f\x00\x1b") || utf8.RuneCountInString(p) > utf8.RuneCountInString(text)+2*3*101 {
		t.Errorf("%v: %.60q turns the line, controls the screen or is long", l, name)
	}
	if strings.Contains(unjoined(p), "(@admin:matrix.org) (") {
		t.Errorf("%v: %.60q passes for somebody else", l, name)
	}
}

func TestNamesOfStrangers(t *testing.T) {
	w := newWords(t, "", "pages.example.org")
	for _, name := range hostileNames {
		for _, l := range locale.Languages() {
			checkHarmless(t, w, l, name)
		}
	}
}

func FuzzNamesOfStrangers(f *testing.F) {
	w := newWords(f, "", "pages.example.org")
	for i, name := range hostileNames {
		f.Add(name, uint8(i))
	}
	f.Fuzz(func(t *testing.T, name string, n uint8) {
		checkHarmless(t, w, locale.Languages()[int(n)%len(locale.Languages())], name)
	})
}

// The operator's phrases and layouts replace the built-in ones; a broken one is an error
// at the start.
func TestTheOperatorsWords(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("invitations.de.yaml", "email.greeting: Moin!")
	put("invitation.sms.de.txt", "Komm: {{.Link}}")
	w := newWords(t, dir, "pages.example.org")
	if _, text, _ := write(t, w, invited(locale.German)); !strings.HasPrefix(text, "Moin!") {
		t.Errorf("the greeting is not ours:\n%s", text)
	}
	if text, err := w.SMS(invited(locale.German)); err != nil || text != "Komm: "+link {
		t.Errorf("SMS = %q, %v", text, err)
	}
	for name, text := range map[string]string{"invitation.email.html": "{{.Nothing}}", "invitation.sms.ja.txt": "{{if}}", "invitations.en.yaml": "email.greeting: '{name}'"} {
		put(name, text)
		if _, err := message.New(dir, server, server); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("New with a broken %s = %v", name, err)
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}
