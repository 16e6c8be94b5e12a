package message

import (
	"errors"

	"signet/internal/locale"
	"signet/internal/wording"
)

// Words writes messages in the name of one server. It is safe for concurrent use.
type Words struct {
	server, host string
	layouts      wording.Layouts // of messages that carry a code
	existing     wording.Layouts // of those that tell of an account
}

// New reads the phrases and the templates, what dir has of them before the built-in
// ones, and tries the operator's: a broken one is an error now and not at the first message.
// server is the server's name and host the host of its pages. An empty dir replaces
// nothing.
func New(dir, server, host string) (*Words, error) {
	phrases, err := phrasesOf(dir)
	if err != nil {
		return nil, err
	}
	layouts, err := folderOf(dir).Layouts("verification", phrases)
	existing, existingErr := folderOf(dir).Layouts("existing", phrases)
	if err := errors.Join(err, existingErr); err != nil {
		return nil, err
	}
	w := &Words{server, host, layouts, existing}
	if dir == "" {
		return w, nil // the tests have tried them
	}
	return w, w.try()
}

// try writes a message of each purpose in each language, and one that tells of an account.
func (w *Words) try() error {
	var errs []error
	for _, language := range locale.Languages() {
		errs = append(errs, w.tryExisting(language))
		for i, purpose := range Purposes() {
			v := Verification{
				Language: language, Purpose: purpose, Code: "12345678", Link: "https://example.org/link", StopLink: "https://example.org/stop",
				CodeMinutes: 15, LinkMinutes: 60,
			}
			if i%2 == 0 {
				v.User, v.Asker = "@alice:example.org", "example.org"
			}
			_, _, _, emailErr := w.Email(v)
			_, smsErr := w.SMS(v)
			errs = append(errs, emailErr, smsErr)
		}
	}
	return errors.Join(errs...)
}

// Email writes an e-mail: a subject of one line, plain text and HTML.
func (w *Words) Email(v Verification) (subject, text, html string, err error) {
	v.Server, v.Host = w.server, w.host
	v.User, v.Asker = wording.Quote(v.User), wording.Quote(v.Asker)
	return w.layouts.Email(v.Language, v)
}

// SMS writes a text message, telling as much as costs no more segments than the
// shortest. Its last line binds the code to the page's host, so that phones fill it
// in there and nowhere else (WICG, "Origin-bound one-time codes delivered via SMS").
func (w *Words) SMS(v Verification) (string, error) {
	v.Server, v.Host = w.server, w.host
	return longestOfFewest(v.maxBrevity(), func(brevity int) (string, error) {
		s := v.shortened()
		s.Brevity = brevity
		return w.layouts.SMS(v.Language, s)
	})
}

// longestOfFewest is the text that tells most of those that cost no more segments than the
// briefest.
func longestOfFewest(maxBrevity int, write func(brevity int) (string, error)) (string, error) {
	best, err := write(maxBrevity)
	for brevity := maxBrevity - 1; brevity >= 0 && err == nil; brevity-- {
		var longer string
		longer, err = write(brevity)
		if wording.Segments(longer) <= wording.Segments(best) {
			best = longer
		}
	}
	return best, err
}
