package message_test

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"

	"signet/internal/locale"
	"signet/verify/message"
)

// Every e-mail says for whom, who asks, the code and its life, where to confirm and
// where to object, in both of its versions.
func TestEmail(t *testing.T) {
	w := newWords(t, "")
	subjects := map[string]bool{}
	everything(func(l locale.Language, purpose string) {
		for i := range 16 {
			v := asked(l, purpose)
			wants := []string{v.Code, "15", server}
			if i&1 != 0 {
				v.User = ""
			} else {
				wants = append(wants, user)
			}
			if i&2 != 0 {
				v.Asker = ""
			} else {
				wants = append(wants, asker)
			}
			if i&4 != 0 {
				v.Link = ""
			} else {
				wants = append(wants, link, "60")
			}
			if i&8 != 0 {
				v.StopLink = ""
			} else {
				wants = append(wants, stop)
			}
			m := write(t, w, v)
			for _, want := range wants {
				if !strings.Contains(unjoined(m.text), want) || !strings.Contains(unjoined(m.html), want) {
					t.Errorf("%v, %s, %d: the text or the HTML does not say %q:\n%s", l, purpose, i, want, m.text)
				}
			}
			if strings.Contains(m.subject, "1234") || strings.Contains(m.subject, "\n") || !strings.Contains(m.subject, server) || len([]rune(m.subject)) > 150 {
				t.Errorf("%v, %s: the subject is %q", l, purpose, m.subject)
			}
			if strings.Contains(m.text+m.html, "no value") || strings.ContainsAny(m.text, "{}<>") {
				t.Errorf("%v, %s: something was not filled in:\n%s", l, purpose, m.text)
			}
			subjects[m.subject] = true
		}
	})
	if want := len(locale.Languages()) * len(message.Purposes()); len(subjects) != want {
		t.Errorf("%d subjects, want %d, one for each purpose and language", len(subjects), want)
	}
}

// Who did not ask reads for what the code is: no two purposes are said alike.
func TestPurposesAreToldApart(t *testing.T) {
	w := newWords(t, "")
	for _, l := range locale.Languages() {
		texts := map[string]string{}
		for _, purpose := range message.Purposes() {
			v, unknown := asked(l, purpose), asked(l, purpose)
			unknown.User = ""
			for _, text := range []string{write(t, w, v).text, write(t, w, unknown).text, writeSMS(t, w, texted(l, purpose))} {
				if other, ok := texts[text]; ok {
					t.Errorf("%v: %s and %s read the same:\n%s", l, purpose, other, text)
				}
				texts[text] = purpose
			}
		}
	}
}

var urls = regexp.MustCompile(`(?i)[a-z]+:/+[^\s"<]*`)

// The HTML asks nothing of anybody: no picture, no style sheet, no script, and no
// address but the two that the message is about.
func TestTheHTMLIsAloneInTheWorld(t *testing.T) {
	w := newWords(t, "")
	everything(func(l locale.Language, purpose string) {
		page := write(t, w, asked(l, purpose)).html
		for _, url := range urls.FindAllString(html.UnescapeString(page), -1) {
			if url != link && url != stop {
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
		if !strings.Contains(page, `content="light dark"`) || !strings.Contains(page, ">12345678<") {
			t.Errorf("%v: it is not for dark screens too, or the code is not in one piece", l)
		}
	})
}

// Arabic runs from right to left, and what is inserted does not turn it.
func TestArabic(t *testing.T) {
	w := newWords(t, "")
	for _, purpose := range message.Purposes() {
		m := write(t, w, asked(locale.Arabic, purpose))
		for _, want := range []string{"\u2068" + user + "\u2069", "\u2068" + asker + "\u2069", "\u2068" + server + "\u2069", "\n    12345678\n"} {
			if !strings.Contains(unjoined(m.text), want) {
				t.Errorf("%s: the text has no %q:\n%s", purpose, want, m.text)
			}
		}
		if strings.Count(m.text, "\u2068") != strings.Count(m.text, "\u2069") || !strings.Contains(unjoined(m.html), "<bdi>"+user+"</bdi>") {
			t.Errorf("%s: isolates are not closed, or not there", purpose)
		}
	}
}

// Minutes are counted by the grammar of each language.
func TestMinutes(t *testing.T) {
	w := newWords(t, "")
	for l, wants := range map[locale.Language]map[int]string{
		locale.English: {1: "1 minute.", 2: "2 minutes."},
		locale.Russian: {1: "1 минуту.", 3: "3 минуты.", 5: "5 минут.", 11: "11 минут.", 21: "21 минуту."},
		locale.Arabic:  {1: "دقيقة واحدة.", 2: "دقيقتين.", 5: "5 دقائق.", 15: "15 دقيقة.", 100: "100 دقيقة."},
		locale.French:  {1: "1 minute.", 15: "15 minutes."},
	} {
		for n, want := range wants {
			v := asked(l, "login")
			v.CodeMinutes, v.LinkMinutes = n, n
			if m := write(t, w, v); strings.Count(m.text, want) != 2 || strings.Count(m.html, want) != 2 {
				t.Errorf("%v: %d minutes are not %q in\n%s", l, n, want, m.text)
			}
		}
	}
}

func TestGrouped(t *testing.T) {
	for code, want := range map[string]string{"12345678": "1234 5678", "123456": "123 456", "1": "1", "": "", "1234567890": "1234567890"} {
		if got := (message.Verification{Code: code}).Grouped(); got != want {
			t.Errorf("Grouped(%q) = %q, want %q", code, got, want)
		}
	}
}

// A purpose that nobody has words for is an error, not an empty message.
func TestAnUnknownPurpose(t *testing.T) {
	w := newWords(t, "")
	for _, purpose := range []string{"", "steal", "verify_user"} {
		v := asked(locale.German, purpose)
		_, _, _, emailErr := w.Email(v)
		if _, err := w.SMS(v); err == nil || emailErr == nil {
			t.Errorf("the purpose %q: %v, %v", purpose, emailErr, err)
		}
	}
}

// A few messages as they are read.
func TestGolden(t *testing.T) {
	w := newWords(t, "")
	for l, purpose := range map[locale.Language]string{
		locale.Spanish: "register_bind", locale.English: "add", locale.German: "register", locale.French: "reset", locale.Russian: "login", locale.Arabic: "add", locale.Japanese: "manage",
	} {
		v := asked(l, purpose)
		m := write(t, w, v)
		name := fmt.Sprintf("%s.%v", purpose, l)
		golden(t, name+".email.txt", "Subject: "+m.subject+"\n\n"+m.text)
		golden(t, name+".email.html", m.html)
		v = texted(l, purpose)
		v.AskerTrusted = true
		golden(t, name+".sms.txt", writeSMS(t, w, v)+"\n")
	}
}

// unjoined is a text without the joiners of quoted names.
func unjoined(s string) string { return strings.ReplaceAll(s, "\u2060", "") }
