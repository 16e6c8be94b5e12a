package message

import (
	"errors"
	"strings"

	"signet/internal/locale"
	"signet/internal/wording"
)

// Invitation is what a message tells. What strangers wrote need not be harmless.
type Invitation struct {
	Language   locale.Language
	Sender     string // the Matrix id of whoever invites
	SenderName string // how they call themselves; empty for none
	Room       string // the room's name or alias; empty for none
	Space      bool   // it is a space
	Link       string // the page that shows the invitation
	NeverLink  string // the page of those who want no more of them
	Days       int    // for which it is good

	Server string // the server's name, filled in by Words
	Host   string // the host of its pages, filled in by Words
}

// Words writes messages in the name of one server. It is safe for concurrent use.
type Words struct {
	server, host string
	templates    map[locale.Language]templates
}

// New reads the phrases and the layouts, what dir has of them before the built-in ones,
// and tries the operator's: a broken one is an error now and not at the first message.
// server is the server's name and host the host of its pages. An empty dir replaces
// nothing.
func New(dir, server, host string) (*Words, error) {
	phrases, err := phrasesOf(dir)
	if err != nil {
		return nil, err
	}
	w := &Words{server: server, host: host, templates: map[locale.Language]templates{}}
	var errs []error
	for _, language := range locale.Languages() {
		t, err := parse(dir, phrases.In(language))
		w.templates[language] = t
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if dir == "" {
		return w, nil // the tests have tried them
	}
	return w, w.try()
}

// try writes a full message and an empty one in each language.
func (w *Words) try() error {
	full := Invitation{Sender: "@alice:example.org", SenderName: "Alice", Room: "Tea", Link: "https://example.org/invitation", NeverLink: "https://example.org/never", Days: 7}
	bare := full
	bare.SenderName, bare.Room, bare.Space = "", "", true
	var errs []error
	for _, language := range locale.Languages() {
		for _, i := range []Invitation{full, bare} {
			i.Language = language
			_, _, _, emailErr := w.Email(i)
			_, smsErr := w.SMS(i)
			errs = append(errs, emailErr, smsErr)
		}
	}
	return errors.Join(errs...)
}

// Email writes an e-mail: a subject of one line, plain text and HTML.
func (w *Words) Email(i Invitation) (subject, text, html string, err error) {
	i.Server, i.Host = w.server, w.host
	i.Sender, i.Room = from(i), wording.Quote(i.Room)
	i.SenderName = "" // it stands in Sender
	t := w.templates[i.Language]
	var s, p, h strings.Builder
	err = errors.Join(
		t.email.ExecuteTemplate(&s, "subject", i),
		t.email.Execute(&p, i),
		t.html.Execute(&h, i),
	)
	return strings.TrimSpace(s.String()), strings.TrimSpace(p.String()) + "\n", h.String(), err
}

// SMS writes a text message, which says nothing that a stranger wrote.
func (w *Words) SMS(i Invitation) (string, error) {
	i = Invitation{Language: i.Language, Space: i.Space, Link: i.Link, Days: i.Days, Server: w.server, Host: w.host}
	var b strings.Builder
	err := w.templates[i.Language].sms.Execute(&b, i)
	return strings.TrimSpace(b.String()), err
}

// from is who invites: the name that they chose, and the id, which says more. A name
// cannot end in what looks like another's id.
func from(i Invitation) string {
	id, name := wording.Quote(i.Sender), wording.NoID(i.SenderName)
	if name == "" {
		return id
	}
	return wording.Quote(name) + " (" + id + ")"
}
