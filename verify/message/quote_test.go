package message_test

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"signet/internal/locale"
	"signet/verify/message"
)

// linkish is what mail programs take for a link: a scheme, "www.", or a name, a dot
// and more of a name.
var linkish = regexp.MustCompile(`(?i)http|://|www|[^\s.\x{2060}]\.[^\s.\x{2060}]|\w@\w|mailto:`)

var tag = regexp.MustCompile(`(?s)<[^>]*>`)

// checkQuoted checks an e-mail that quotes a hostile asker and user: no link but
// ours, no markup but ours, and no line of theirs.
func checkQuoted(t *testing.T, w *message.Words, l locale.Language, name string) {
	t.Helper()
	v := asked(l, "add")
	m := write(t, w, v)
	v.User, v.Asker = name, name
	hostile := write(t, w, v)
	ours := strings.NewReplacer(link, "", stop, "", server, "", "e-mail", "")
	for version, s := range map[string]string{"text": hostile.text, "HTML": html.UnescapeString(tag.ReplaceAllString(hostile.html[strings.Index(hostile.html, "<body"):], ""))} {
		if found := linkish.FindString(ours.Replace(s)); found != "" {
			t.Errorf("%v: %q makes %q in the %s", l, brief(name), found, version)
		}
	}
	if name == "" {
		return // the sentences are others
	}
	if strings.Count(hostile.text, "\n") != strings.Count(m.text, "\n") {
		t.Errorf("%v: %q adds lines to the text", l, brief(name))
	}
	if was, is := skeleton(m.html), skeleton(hostile.html); was != is {
		t.Errorf("%v: %q changes the markup", l, brief(name))
	}
	if utf8.RuneCountInString(hostile.text) > utf8.RuneCountInString(m.text)+2*3*101 {
		t.Errorf("%v: %q… is quoted at length", l, brief(name))
	}
	if strings.ContainsAny(hostile.text, "\u202a\u202b\u202d\u202e\u2066\u2067\u200f\x00\x1b") {
		t.Errorf("%v: %q turns the line, or controls the screen", l, brief(name))
	}
}

func brief(name string) string { return fmt.Sprintf("%.60s", name) }

// skeleton is the markup of a page without what stands between.
func skeleton(page string) string { return strings.Join(tag.FindAllString(page, -1), "") }

var hostileNames = []string{
	"http://evil.example", "https://evil.example/login?a=b&c", "HTTP://EVIL.EXAMPLE", "www.evil.example", "WWW.evil", "evil.example", "evil.com:8448",
	"@alice:evil.com", "@evil.com:example.org", "@a@b.com:c.de", "mailto:a@b.org", "evil。example", "evil．example", "//evil.example", `\\evil.example\share`,
	`@<b onclick="x">a</b>:evil.example`, `"><img src=x onerror=alert(1)>`, "</bdi></p><script>", "<!--", "&lt;script&gt;", "{{.Code}}", "{code}",
	"a\nBcc: x@y.org", "a\r\n\r\nb", "\u2028x\u2029y", "\u202eevil", "\u2066x\u2069\u2069", "x\x00y\x1b[2J", "\xff\xfe", strings.Repeat("a.", 5000), strings.Repeat("<", 500),
	"نور.example", "@אליס:example.org", strings.Repeat("e\u0301\u0302", 200), "hhttpttp://evil.example", "ht\u2060tp:/\u200b/evil", "wwwwww.evil.com", "httphttp:",
	"Your account is locked, call +1 201 555 0123",
}

func TestNamesOfStrangersInAnEmail(t *testing.T) {
	w := newWords(t, "")
	for _, name := range hostileNames {
		for _, l := range locale.Languages() {
			checkQuoted(t, w, l, name)
		}
	}
}

// Nothing that a stranger wrote stands in a text message: it is the same one
// whoever asks, and for whom.
func TestNoStrangerInASMS(t *testing.T) {
	w := newWords(t, "")
	n := 0
	everything(func(l locale.Language, purpose string) {
		v := texted(l, purpose)
		want := writeSMS(t, w, v)
		for range 7 { // all names in each language
			v.User, v.Asker = hostileNames[n%len(hostileNames)], hostileNames[n%len(hostileNames)]
			n++
			if got := writeSMS(t, w, v); got != want {
				t.Errorf("%v, %s: %q changes the text message:\n%s", l, purpose, v.User, got)
			}
		}
	})
}

// A Matrix id is one word, so that it cannot be read as a sentence of ours.
func TestAnIDIsNoSentence(t *testing.T) {
	v := asked(locale.English, "add")
	v.User = "@Your account\u00a0is locked\u3000now\u200b:evil.example"
	want := "the account @Your\ufffdaccount\ufffdis\ufffdlocked\ufffdnow\ufffd:evil.example."
	if text := write(t, newWords(t, ""), v).text; !strings.Contains(unjoined(text), want) {
		t.Errorf("the text is\n%s", text)
	}
}

func FuzzNamesOfStrangers(f *testing.F) {
	w := newWords(f, "")
	for i, name := range hostileNames {
		f.Add(name, uint8(i))
	}
	f.Fuzz(func(t *testing.T, name string, n uint8) {
		l := locale.Languages()[int(n)%len(locale.Languages())]
		checkQuoted(t, w, l, name)
		v := texted(l, "add")
		want := writeSMS(t, w, v)
		v.User, v.Asker = name, name
		if got := writeSMS(t, w, v); got != want {
			t.Errorf("%v: %q changes the text message:\n%s", l, name, got)
		}
	})
}

// A name asks nobody to call a number; ports and short numbers stay.
func TestANameIsNoPhoneNumber(t *testing.T) {
	for name, want := range map[string]string{
		"locked-call-1-800-555-0199.evil.example": "locked-call-….evil.example",
		"@call +44 20 7946 0958:evil.example":     "@call\ufffd…:evil.example",
		"localhost:45203":                         "localhost:45203",
		"@alice2024:example.org":                  "@alice2024:example.org",
	} {
		v := asked(locale.English, "verify")
		v.Asker, v.User = name, ""
		m := write(t, newWords(t, ""), v)
		for _, body := range []string{m.text, m.html} {
			if body = strings.ReplaceAll(body, "\u2060", ""); !strings.Contains(body, want) || want != name && strings.Contains(body, name) {
				t.Errorf("the mail that quotes %q does not hold %q:\n%s", name, want, body)
			}
		}
	}
}
