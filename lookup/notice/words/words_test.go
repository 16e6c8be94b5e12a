package words_test

import (
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"signet/internal/locale"
	"signet/internal/wording"
	"signet/lookup/notice/words"
)

const (
	server = "id.example.org"
	page   = "https://id.example.org/_signet/owner"
	user   = "@alice:example.org"
	former = "@bob:example.org"
	about  = "a...@e..."
	until  = "2026-11-27 15:04 UTC"
)

func newWords(t testing.TB, dir string) *words.Words {
	t.Helper()
	w, err := words.New(dir, server)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func noticeOf(l locale.Language, k words.Kind) words.Notice {
	return words.Notice{Language: l, Kind: k, User: user, Former: former, About: about, Days: 30, Until: until, Link: page}
}

// everything calls f with each language and kind.
func everything(f func(l locale.Language, k words.Kind)) {
	for _, l := range locale.Languages() {
		for _, k := range words.Kinds() {
			f(l, k)
		}
	}
}

type email struct{ subject, text, html string }

func write(t testing.TB, w *words.Words, n words.Notice) email {
	t.Helper()
	subject, text, html, err := w.Email(n)
	if err != nil {
		t.Fatalf("a notice of %s in %v: %v", n.Kind, n.Language, err)
	}
	return email{subject, text, html}
}

// unjoined is a text without the joiners of quoted names.
func unjoined(s string) string { return strings.ReplaceAll(s, "\u2060", "") }

// Every e-mail says who is found, who was, when it ends, whose server it is and where to
// go, in both of its versions; no two say the same.
func TestEmail(t *testing.T) {
	w := newWords(t, "")
	seen := map[string]bool{}
	everything(func(l locale.Language, k words.Kind) {
		wants := []string{server, user, page}
		if k.OfKeys() {
			wants[1] = about
		}
		switch k {
		case words.Recovering, words.Returning:
			wants = append(wants, until)
		case words.Many:
			wants = []string{server, page}
		case words.Rebound:
			wants = append(wants, former)
		case words.Lost:
			wants = append(wants, about)
		case words.Ending:
			wants = append(wants, "30")
		}
		m := write(t, w, noticeOf(l, k))
		for _, want := range wants {
			if !strings.Contains(unjoined(m.text), want) || !strings.Contains(unjoined(m.html), want) {
				t.Errorf("%v, %s: the text or the HTML does not say %q:\n%s", l, k, want, m.text)
			}
		}
		if k != words.Rebound && strings.Contains(unjoined(m.text), former) {
			t.Errorf("%v, %s names somebody else:\n%s", l, k, m.text)
		}
		if strings.Contains(m.subject, "\n") || !strings.Contains(m.subject, server) || len([]rune(m.subject)) > 150 {
			t.Errorf("%v, %s: the subject is %q", l, k, m.subject)
		}
		if strings.Contains(m.text+m.html, "no value") || strings.ContainsAny(m.text, "{}<>") {
			t.Errorf("%v, %s: something was not filled in:\n%s", l, k, m.text)
		}
		seen[m.subject], seen[m.text] = true, true
	})
	if want := 2 * len(locale.Languages()) * len(words.Kinds()); len(seen) != want {
		t.Errorf("%d subjects and texts, want %d, another for each kind and language", len(seen), want)
	}
}

// Whose keys are those of a user id is told what they can do without an address, and of keys
// that wait everybody is told how to object.
func TestKeysOfAUserID(t *testing.T) {
	w := newWords(t, "")
	everything(func(l locale.Language, k words.Kind) {
		if !k.OfKeys() {
			return
		}
		said := map[string]bool{}
		for _, n := range []words.Notice{
			noticeOf(l, k),
			{Language: l, Kind: k, About: about, Until: until, Account: true, Link: page},
			{Language: l, Kind: k, About: about, Until: until},
		} {
			m := write(t, w, n)
			if named := strings.Contains(m.text+m.html, page); named != (n.Link != "" && !n.Account) {
				t.Errorf("%v, %s, of a user id %t: the page is named: %t\n%s", l, k, n.Account, named, m.text)
			}
			said[m.text] = true
		}
		if len(said) != 3 {
			t.Errorf("%v, %s: what to do is the same for everybody", l, k)
		}
	})
	for _, n := range []words.Notice{{About: about, Until: until, Account: true, Link: page}, {About: about, Until: until, Link: page}, {About: about, Until: until}} {
		n.Kind = words.Recovering
		if m := write(t, w, n); !strings.Contains(m.text, "object before then") || !strings.Contains(m.html, "object before then") {
			t.Errorf("it does not say how to object:\n%s", m.text)
		}
	}
}

// Without an owner's page, none is promised.
func TestWithoutAPage(t *testing.T) {
	w := newWords(t, "")
	everything(func(l locale.Language, k words.Kind) {
		n := noticeOf(l, k)
		n.Link = ""
		if m := write(t, w, n); strings.Contains(m.text+m.html, "https:") || strings.Contains(m.html, "href") || strings.Contains(m.text, "\n\n\n") {
			t.Errorf("%v, %s:\n%s", l, k, m.text)
		}
	})
}

var urls = regexp.MustCompile(`(?i)[a-z]+:/+[^\s"<]*`)

// The HTML asks nothing of anybody, and links to the owner's page alone.
func TestTheHTMLIsAloneInTheWorld(t *testing.T) {
	w := newWords(t, "")
	everything(func(l locale.Language, k words.Kind) {
		n := noticeOf(l, k)
		n.User, n.Former, n.About = `@<img src=x>:http://evil.example`, "@www.evil.example:x.org", "<b>"
		m := write(t, w, n)
		for _, url := range urls.FindAllString(html.UnescapeString(m.html), -1) {
			if url != page {
				t.Errorf("%v: the HTML names %s", l, url)
			}
		}
		for _, remote := range []string{"src=x>", "url(", "@import", "<link", "<script", "<img", "<form", "ZgotmplZ", "<b>"} {
			if strings.Contains(m.html, remote) {
				t.Errorf("%v: the HTML has %s", l, remote)
			}
		}
		if want := fmt.Sprintf("<html lang=%q dir=%q>", l, l.Direction()); !strings.Contains(m.html, want) {
			t.Errorf("%v: the HTML does not begin with %s", l, want)
		}
	})
}

// Days are counted by the grammar of each language.
func TestDays(t *testing.T) {
	w := newWords(t, "")
	for l, wants := range map[locale.Language]map[int]string{
		locale.English: {1: "In 1 day,", 2: "In 2 days,"},
		locale.Russian: {1: "1 день", 3: "3 дня", 5: "5 дней", 21: "21 день"},
		locale.Arabic:  {1: "يوم واحد", 2: "يومين", 5: "5 أيام", 15: "15 يومًا"},
	} {
		for days, want := range wants {
			n := noticeOf(l, words.Ending)
			n.Days = days
			if m := write(t, w, n); !strings.Contains(m.text, want) {
				t.Errorf("%v: %d days are not %q in\n%s", l, days, want, m.text)
			}
		}
	}
}

// Arabic runs from right to left, and what is inserted does not turn it.
func TestArabic(t *testing.T) {
	m := write(t, newWords(t, ""), noticeOf(locale.Arabic, words.Rebound))
	for _, want := range []string{"\u2068" + user + "\u2069", "\u2068" + former + "\u2069", "\n    " + page + "\n"} {
		if !strings.Contains(unjoined(m.text), want) {
			t.Errorf("the text has no %q:\n%s", want, m.text)
		}
	}
	if !strings.Contains(unjoined(m.html), "<bdi>"+user+"</bdi>") {
		t.Error("the HTML isolates no name")
	}
}

// unicodeOnly are the languages whose letters are not in the GSM 7-bit alphabet.
var unicodeOnly = []locale.Language{locale.Russian, locale.Arabic, locale.Chinese, locale.Japanese}

// A text message is paid for once where the language allows it and twice where it does
// not, however long the host's name, and holds nothing that a stranger wrote.
func TestSMS(t *testing.T) {
	w := newWords(t, "")
	for length := 10; length <= 40; length++ {
		everything(func(l locale.Language, k words.Kind) {
			if k == words.Lost {
				return // goes by e-mail alone
			}
			n := noticeOf(l, k)
			n.Link = "https://" + strings.Repeat("h", length-4) + ".org/_signet/owner"
			text, err := w.SMS(n)
			if err != nil {
				t.Fatalf("%v, %s: %v", l, k, err)
			}
			most := 1
			if slices.Contains(unicodeOnly, l) {
				most = 2
			}
			if got := wording.Segments(text); got > most || wording.GSM7(text) != (most == 1) {
				t.Errorf("%v, %s, a host of %d: %d segments, GSM 7-bit %v:\n%s", l, k, length, got, wording.GSM7(text), text)
			}
			if !strings.HasSuffix(text, " "+n.Link) || strings.Contains(text, "@") {
				t.Errorf("%v, %s:\n%s", l, k, text)
			}
		})
	}
}

// What the operator's folder holds replaces what is built in, and is tried at the start.
func TestTheOperatorsWords(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "notices.de.yaml", "email.greeting: Moin!")
	put(t, dir, "notice.sms.txt", "{{.Kind}} {{.Link}}")
	w := newWords(t, dir)
	if m := write(t, w, noticeOf(locale.German, words.Bound)); !strings.HasPrefix(m.text, "Moin!\n") {
		t.Errorf("the greeting is not ours:\n%s", m.text)
	}
	if text, err := w.SMS(noticeOf(locale.Arabic, words.Unbound)); err != nil || text != "unbind "+page {
		t.Errorf("SMS = %q, %v", text, err)
	}
	for name, text := range map[string]string{
		"notice.email.txt":     "no subject is defined",
		"notice.email.html":    "{{.Nothing}}",
		"notice.sms.fr.txt":    "{{.Code}}",
		"notices.ru.yaml":      "email.bind: '{code}'",
		"notices.xx.yaml":      "email.greeting: x",
		"notice.email.ar.html": `{{T "email.nothing"}}`,
	} {
		dir := t.TempDir()
		put(t, dir, name, text)
		if _, err := words.New(dir, server); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("New with a broken %s = %v", name, err)
		}
	}
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
