package message_test

import (
	"html"
	"regexp"
	"strings"
	"testing"

	"signet/internal/locale"
	"signet/internal/wording"
	"signet/verify/message"
)

// existing is what the owner of an account is told in a language.
func existing(l locale.Language) message.Existing {
	return message.Existing{Language: l, Asker: asker, StopLink: stop}
}

func writeExisting(t testing.TB, w *message.Words, e message.Existing) email {
	t.Helper()
	subject, text, html, err := w.ExistingEmail(e)
	if err != nil {
		t.Fatalf("an e-mail in %v: %v", e.Language, err)
	}
	return email{subject, text, html}
}

func textExisting(t testing.TB, w *message.Words, e message.Existing) string {
	t.Helper()
	text, err := w.ExistingSMS(e)
	if err != nil {
		t.Fatalf("a text message in %v: %v", e.Language, err)
	}
	return text
}

// digits are as many as a code has.
var digits = regexp.MustCompile(`\d{3}`)

// Whoever has an account is told where, in each language, and where to say that it was not
// they. There is nothing in it that would confirm.
func TestWhoHasAnAccountIsToldWhere(t *testing.T) {
	w := newWords(t, "")
	seen := map[string]bool{}
	for _, l := range locale.Languages() {
		m := writeExisting(t, w, existing(l))
		for _, want := range []string{asker, stop} {
			if !strings.Contains(unjoined(m.text), want) || !strings.Contains(unjoined(m.html), want) {
				t.Errorf("%v: the text or the HTML does not say %q:\n%s", l, want, m.text)
			}
		}
		for _, url := range urls.FindAllString(html.UnescapeString(m.html+m.text), -1) {
			if url != stop {
				t.Errorf("%v: it names %s", l, url)
			}
		}
		if page := tag.ReplaceAllString(m.html[strings.Index(m.html, "<body"):], ""); digits.MatchString(m.subject + m.text + page) {
			t.Errorf("%v: it has what looks like a code:\n%s", l, m.text)
		}
		if strings.Contains(m.subject, "\n") || !strings.Contains(m.subject, server) || len([]rune(m.subject)) > 150 {
			t.Errorf("%v: the subject is %q", l, m.subject)
		}
		if strings.Contains(m.text+m.html, "no value") || strings.ContainsAny(m.text, "{}<>") {
			t.Errorf("%v: something was not filled in:\n%s", l, m.text)
		}
		without := existing(l)
		without.StopLink = ""
		if alone := writeExisting(t, w, without); strings.Contains(alone.text+alone.html, "https:") || alone.text == m.text {
			t.Errorf("%v: without a page it says\n%s", l, alone.text)
		}
		for _, text := range []string{m.subject, m.text, write(t, w, asked(l, "register")).subject, textExisting(t, w, existing(l))} {
			if seen[text] {
				t.Errorf("%v: this is said elsewhere too:\n%s", l, text)
			}
			seen[text] = true
		}
	}
}

// What stands for the homeserver becomes neither link nor markup, and no line of its own.
func TestAHostileHomeserverThatTellsOfAnAccount(t *testing.T) {
	w := newWords(t, "")
	ours := strings.NewReplacer(stop, "", server, "", "e-mail", "")
	for _, l := range locale.Languages() {
		m := writeExisting(t, w, existing(l))
		for _, name := range hostileNames {
			e := existing(l)
			e.Asker = name
			hostile := writeExisting(t, w, e)
			if found := linkish.FindString(ours.Replace(hostile.text)); found != "" {
				t.Errorf("%v: %q makes %q", l, brief(name), found)
			}
			if strings.Count(hostile.text, "\n") != strings.Count(m.text, "\n") || skeleton(hostile.html) != skeleton(m.html) {
				t.Errorf("%v: %q adds lines or markup", l, brief(name))
			}
			if textExisting(t, w, e) != textExisting(t, w, existing(l)) {
				t.Errorf("%v: %q stands in a text message", l, brief(name))
			}
		}
	}
}

// A text message that tells of an account costs what one with a code would cost, or less,
// whatever the host's name: what a message cost must not tell which it was.
func TestATextMessageOfAnAccountCostsNoMore(t *testing.T) {
	for length := 10; length <= 40; length++ {
		host := strings.Repeat("h", length-4) + ".org"
		w := newWordsFor(t, "", host)
		for _, l := range locale.Languages() {
			for _, trusted := range []bool{true, false} {
				e, v := existing(l), texted(l, "register")
				e.StopLink = "https://" + host + "/n/ABCDEFGHJKLM"
				e.AskerTrusted, v.AskerTrusted, v.StopLink = trusted, trusted, e.StopLink
				text := textExisting(t, w, e)
				if got, most := wording.Segments(text), wording.Segments(writeSMS(t, w, v)); got > most || wording.GSM7(text) == unicodeOnly[l] {
					t.Errorf("%v, a host of %d: %d segments, one with a code has %d:\n%s", l, length, got, most, text)
				}
				if !strings.HasSuffix(text, " "+e.StopLink) || strings.Contains(text, "#") {
					t.Errorf("%v: its lines are not as they must be:\n%s", l, text)
				}
			}
		}
	}
}

// The operator's own homeserver is named, and a stranger's is not.
func TestWhereTheAccountIs(t *testing.T) {
	w := newWordsFor(t, "", "x.org")
	for trusted, want := range map[bool]string{true: asker + ": You already have an account", false: "Where you want to sign up, "} {
		e := existing(locale.English)
		e.StopLink, e.AskerTrusted = "", trusted
		if text := textExisting(t, w, e); !strings.HasPrefix(text, want) {
			t.Errorf("trusted %v: %q", trusted, text)
		}
	}
}

// The operator's folder replaces its layout and phrases, and broken ones are found at the start.
func TestTheOperatorsWordsOfAnAccount(t *testing.T) {
	dir := t.TempDir()
	replace(t, dir, "existing.sms.txt", "You are {{.Server}}'s already")
	replace(t, dir, "messages.de.yaml", "email.existing: Sie sind schon bei {asker}.")
	w := newWords(t, dir)
	if text := textExisting(t, w, existing(locale.French)); text != "You are "+server+"'s already" {
		t.Errorf("the text message is %q", text)
	}
	if m := writeExisting(t, w, existing(locale.German)); !strings.Contains(unjoined(m.text), "Sie sind schon bei "+asker+".") {
		t.Errorf("the e-mail is\n%s", m.text)
	}
	for name, text := range map[string]string{
		"existing.email.txt":     "no subject is defined",
		"existing.email.ja.html": "{{.Code}}",
		"existing.sms.fr.txt":    "{{.Code}}",
		"messages.ru.yaml":       "email.existing: '{code}'",
	} {
		dir := t.TempDir()
		replace(t, dir, name, text)
		if _, err := message.New(dir, server, server); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("New with a broken %s = %v", name, err)
		}
	}
}

// Two as they are read.
func TestGoldenExisting(t *testing.T) {
	w := newWords(t, "")
	for _, l := range []locale.Language{locale.English, locale.Arabic} {
		m := writeExisting(t, w, existing(l))
		name := "existing." + l.String()
		golden(t, name+".email.txt", "Subject: "+m.subject+"\n\n"+m.text)
		golden(t, name+".email.html", m.html)
		golden(t, name+".sms.txt", textExisting(t, w, existing(l))+"\n")
	}
}
