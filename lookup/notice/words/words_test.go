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

var login = words.Login{Homeserver: "matrix.example.net", When: "2026-11-28 16:05 UTC", Device: "Alice’s phone", IP: "2001:db8::7"}

func newWords(t testing.TB, dir string) *words.Words {
	t.Helper()
	w, err := words.New(dir, server)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func noticeOf(l locale.Language, k words.Kind) words.Notice {
	return words.Notice{Language: l, Kind: k, User: user, Former: former, About: about, Days: 30, Until: until, Link: page, Login: login}
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
		case words.LoggedIn, words.Password, words.Added, words.Removed:
			wants = []string{server, user, login.Homeserver, login.When, login.Device, login.IP}
		case words.Logins, words.Passwords, words.Addresses:
			wants = []string{server, user, login.Homeserver}
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
			if k.Waits() && strings.Count(m.text, "Matrix") == 3 != n.Account {
				t.Errorf("%v, %s, of a user id %t: that the Matrix server can stop it is told wrongly:\n%s", l, k, n.Account, m.text)
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
		n.Login.Device, n.Login.Homeserver = `<b>https://evil.example</b>`, "<b>www.evil.example"
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
			if strings.HasSuffix(text, " "+n.Link) == k.OfAccounts() || strings.Contains(text, "@") || strings.Contains(text, login.Homeserver) {
				t.Errorf("%v, %s:\n%s", l, k, text)
			}
		})
	}
}

// What a login says of where and on what is told where it is known.
func TestALoginOfWhichLittleIsKnown(t *testing.T) {
	w := newWords(t, "")
	for _, l := range locale.Languages() {
		seen := map[string]bool{}
		for i := range 4 {
			n := noticeOf(l, words.Password)
			if i&1 != 0 {
				n.Login.Device = ""
			}
			if i&2 != 0 {
				n.Login.IP = ""
			}
			m := write(t, w, n)
			if strings.Contains(m.text, "\n\n\n") || strings.Contains(unjoined(m.text), login.IP) != (n.Login.IP != "") || strings.Contains(m.text, "phone") != (n.Login.Device != "") {
				t.Errorf("%v: it says\n%s", l, m.text)
			}
			seen[m.text], seen[m.html] = true, true
		}
		if len(seen) != 8 {
			t.Errorf("%v: %d texts, want 8", l, len(seen))
		}
	}
}

// linkish is what mail programs take for a link: a scheme, "www.", or a name, a dot and more.
var linkish = regexp.MustCompile(`(?i)http|://|www|[^\s.\x{2060}]\.[^\s.\x{2060}]|\w@\w|mailto:`)

// Whoever logs in chooses what the device is called: it makes no link, no line, no markup, is
// no longer than names are, and asks nobody to call.
func TestHostileDevices(t *testing.T) {
	w := newWords(t, "")
	ours := strings.NewReplacer(server, "", "e-mail", "")
	for _, device := range []string{
		"https://evil.example/login", "www.evil.example", "evil.com", "a@b.org", "a\r\nBcc: x@y.org\r\n\r\nHello", "\u202eenohp", "\u2028x\u2029", "<script>alert(1)</script>",
		"</bdi></p><b>", "{{.User}}", "{user}", "\xffx\xfe\x00", strings.Repeat("Your account is locked. ", 500), "call +1 201 555 0123", strings.Repeat("e\u0301", 300),
	} {
		for _, l := range locale.Languages() {
			n := noticeOf(l, words.LoggedIn)
			m := write(t, w, n)
			n.Login.Device = device
			hostile := write(t, w, n)
			if found := linkish.FindString(ours.Replace(hostile.text)); found != "" {
				t.Errorf("%v: %.60q makes %q", l, device, found)
			}
			if strings.Count(hostile.text, "\n") != strings.Count(m.text, "\n") || strings.Count(hostile.html, "<") != strings.Count(m.html, "<") {
				t.Errorf("%v: %.60q adds lines or markup:\n%s", l, device, hostile.text)
			}
			if most := len([]rune(m.text)) + 3*40; len([]rune(hostile.text)) > most || strings.ContainsAny(hostile.text, "\u202e\x00\u2028") || strings.Contains(hostile.text, "0123") {
				t.Errorf("%v: %.60q is quoted as it is:\n%s", l, device, hostile.text)
			}
		}
	}
}

// A text message of a login names the operator's own homeserver, and no stranger's; nor whose
// account it is, or where.
func TestWhoSpeaksOfALogin(t *testing.T) {
	w := newWords(t, "")
	n := noticeOf(locale.English, words.LoggedIn)
	for own, want := range map[bool]string{true: "matrix.example.net: ", false: server + ": "} {
		n.Login.Own = own
		if text, err := w.SMS(n); err != nil || text != want+"There was a new login to your Matrix account.\nNot you? Change your password." {
			t.Errorf("SMS = %q, %v", text, err)
		}
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
		"login.email.de.txt":   "no subject is defined",
		"login.sms.txt":        "{{.Code}}",
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
