package message

import (
	"errors"

	"signet/internal/locale"
	"signet/internal/wording"
)

// Existing is what a message tells to whom a homeserver would sign up and has signed up
// already: that there is an account, and how to get into it. It has neither a code nor a link
// that confirms.
type Existing struct {
	Language locale.Language
	Asker    string // the name of the homeserver

	// AskerTrusted says that it is one of the operator's own, which may be named in a text
	// message.
	AskerTrusted bool

	StopLink string // the page that says "this was not me"; empty for none

	Server string // the server's name, filled in by Words
}

// shortExisting is an Existing as a text message tells it.
type shortExisting struct {
	Existing
	Site    string // where the account is; empty for a homeserver that is not named
	Brevity int    // 0 tells all, 1 leaves out how to get in
}

// ExistingEmail writes an e-mail: a subject of one line, plain text and HTML.
func (w *Words) ExistingEmail(e Existing) (subject, text, html string, err error) {
	e.Server, e.Asker = w.server, wording.Quote(e.Asker)
	return w.existing.Email(e.Language, e)
}

// ExistingSMS writes a text message, telling as much as costs no more segments than the
// shortest.
func (w *Words) ExistingSMS(e Existing) (string, error) {
	s := shortExisting{Existing: e}
	if e.AskerTrusted {
		s.Site = siteOf(e.Asker)
	}
	s.Server, s.Asker, s.AskerTrusted = w.server, "", false
	return longestOfFewest(1, func(brevity int) (string, error) {
		s.Brevity = brevity
		return w.existing.SMS(e.Language, s)
	})
}

func (w *Words) tryExisting(l locale.Language) error {
	e := Existing{Language: l, Asker: "example.org", StopLink: "https://example.org/stop"}
	_, _, _, emailErr := w.ExistingEmail(e)
	_, smsErr := w.ExistingSMS(e)
	return errors.Join(emailErr, smsErr)
}
