package webclient_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// Anna sees who of her address book is here. The servers are told hashes alone.
func TestContacts(t *testing.T) {
	s := startServers(t)
	s.change(func(s *state) {
		s.people = map[string]string{
			"dora@example.org email": "@dora:hs.test", "447400123456 msisdn": "@ed:hs.test", "strasse@example.org email": "@fay:hs.test",
			"unasked@example.org email": "@unasked:hs.test",
		}
	})
	anna := newVisitor(t, s)
	anna.goes("/login")
	anna.fills("User name", "anna")
	anna.fills("Password", password+kb.Enter)
	anna.presses("Who of my contacts is here?")
	anna.reads("No address and no file is sent anywhere")
	anna.looks("contacts")
	anna.presses("Look")
	anna.reads("There is no e-mail address")

	const card = "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ed <b>\\, the boss\r\nTEL;VALUE=uri;TYPE=\"voice,home\":tel:+44-7400-\r\n 123456\r\nEMAIL:nobody@example.org\r\nEND:VCARD\r\n"
	for _, c := range []struct {
		text, want string
		found      []string
		asked      string
	}{
		{"Dora D., Dora@Example.ORG\nFay <straße@example.org>\nDora again;dora@example.org\nno address at all\n", "2 of them are here",
			[]string{"Dora again @dora:hs.test", "Fay @fay:hs.test"}, "sha256 2"},
		{card, "One of them is here", []string{"Ed <b>, the boss @ed:hs.test"}, "sha256 2"},
		{card + "NOTE:once more\r\n", "One of them is here", []string{"Ed <b>, the boss @ed:hs.test"}, "sha256 2"},
		{"nobody@example.org", "None of them are here", nil, "sha256 1"},
	} {
		anna.reads("Who of my contacts is here?")
		if strings.HasPrefix(c.text, card) {
			evaluate[bool](anna, "(() => { const all = new DataTransfer(); all.items.add(new File(["+quoted(c.text)+"], 'book.vcf')); document.getElementById('file').files = all.files; return true })()")
		} else {
			evaluate[bool](anna, "document.getElementById('pasted').value = "+quoted(c.text)+", true")
		}
		anna.presses("Look")
		if !s.now().agreed {
			anna.reads("asks that you accept these first")
			anna.presses("I agree")
		}
		anna.reads(c.want)
		anna.looks("here")
		for _, found := range c.found {
			anna.reads(found)
		}
		now := s.now()
		if got := now.asked[len(now.asked)-1]; got != c.asked {
			t.Errorf("the identity server was asked for %q, want %q", got, c.asked)
		}
		if n := evaluate[int](anna, `document.querySelectorAll("main li").length`); n != len(c.found) {
			t.Errorf("%d people are shown, want %q", n, c.found)
		}
		if slices.Contains(c.found, "Ed <b>, the boss @ed:hs.test") {
			anna.presses("Talk")
			anna.reads("plain <img src=x")
			now, made := s.now(), 0
			for _, asked := range now.asked {
				if strings.HasPrefix(asked, "room ") {
					made++
				}
			}
			if made != 1 || !slices.Contains(now.asked, "room true [@ed:hs.test]") || now.direct != `{"@ed:hs.test":["!r:evil.test"]}` {
				t.Errorf("rooms are made by %q, and m.direct is %s", now.asked, now.direct)
			}
			anna.goes("/contacts")
			continue
		}
		anna.presses("Look for others")
	}
}

func quoted(text string) string {
	return "`" + strings.ReplaceAll(strings.ReplaceAll(text, `\`, `\\`), "`", "\\`") + "`"
}
