package words

import (
	"embed"
	"errors"
	htmltemplate "html/template"
	"strings"
	"text/template"

	"signet/internal/locale"
	"signet/internal/wording"
)

// Kind is what a notice is about.
type Kind string

// The kinds of notices. All but Lost go to the address that they are about.
const (
	Bound   Kind = "bind"   // a user is found by the address
	Rebound Kind = "rebind" // another one than before
	Unbound Kind = "unbind" // nobody is any more
	Lost    Kind = "lost"   // somebody else is: to an other address of who was
	Ending  Kind = "remind" // nobody will be, unless it is bound again
	Expired Kind = "expire" // nobody is, since it was not
)

// Kinds lists them all.
func Kinds() []Kind { return []Kind{Bound, Rebound, Unbound, Lost, Ending, Expired} }

// Notice is what a notice tells.
type Notice struct {
	Language locale.Language
	Kind     Kind
	User     string // the Matrix id that is found by the address, or was
	Former   string // of Rebound, the Matrix id that was before
	About    string // of Lost, the address, so that only who knows it knows it again
	Days     int    // of Ending, how many are left
	Link     string // the owner's page; empty for none

	Server string // the server's name, filled in by Words
}

// The names of the layouts, which are also the names of the files that replace them.
const (
	emailText = "notice.email.txt" // defines "subject" beside its text
	emailHTML = "notice.email.html"
	smsText   = "notice.sms.txt"
)

//go:embed templates phrases
var builtIn embed.FS

// layouts are the layouts in one language.
type layouts struct {
	email, sms *template.Template
	html       *htmltemplate.Template
}

// Words writes notices in the name of one server. It is safe for concurrent use.
type Words struct {
	server  string
	layouts map[locale.Language]layouts
}

// New reads the phrases and the layouts, what dir has of them before the built-in ones,
// and tries them: a broken one is an error now and not at the first notice. An empty dir
// replaces nothing.
func New(dir, server string) (*Words, error) {
	folder := wording.Folder{BuiltIn: builtIn, Domain: "notices", Own: dir}
	phrases, err := folder.Phrases()
	if err != nil {
		return nil, err
	}
	w := &Words{server: server, layouts: map[locale.Language]layouts{}}
	var errs []error
	for _, language := range locale.Languages() {
		l, err := read(folder, phrases.In(language))
		w.layouts[language] = l
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return w, w.try()
}

func read(f wording.Folder, p locale.Phrases) (l layouts, err error) {
	var errs [3]error
	l.email, errs[0] = f.Text(emailText, p)
	l.sms, errs[1] = f.Text(smsText, p)
	l.html, errs[2] = f.HTML(emailHTML, p)
	return l, errors.Join(errs[:]...)
}

// try writes a notice of each kind in each language.
func (w *Words) try() error {
	var errs []error
	for _, language := range locale.Languages() {
		for _, kind := range Kinds() {
			n := Notice{Language: language, Kind: kind, User: "@alice:example.org", Former: "@bob:example.org", About: "a...@e...",
				Days: 30, Link: "https://example.org/manage"}
			_, _, _, err := w.Email(n)
			errs = append(errs, err)
			if kind != Lost {
				_, err := w.SMS(n)
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// Email writes an e-mail: a subject of one line, plain text and HTML.
func (w *Words) Email(n Notice) (subject, text, html string, err error) {
	n.Server = w.server
	n.User, n.Former, n.About = wording.Quote(n.User), wording.Quote(n.Former), wording.Quote(n.About)
	l := w.layouts[n.Language]
	var s, p, h strings.Builder
	err = errors.Join(
		l.email.ExecuteTemplate(&s, "subject", n),
		l.email.Execute(&p, n),
		l.html.Execute(&h, n),
	)
	return strings.TrimSpace(s.String()), strings.TrimSpace(p.String()) + "\n", h.String(), err
}

// short is a notice as a text message tells it, without what strangers wrote.
type short struct {
	Notice
	Brevity int // 0 tells all, 1 leaves out whose server it is
}

// SMS writes a text message, in the server's name unless that costs another segment.
func (w *Words) SMS(n Notice) (string, error) {
	n.Server, n.User, n.Former, n.About = w.server, "", "", ""
	longer, err := w.sms(short{n, 0})
	if err != nil {
		return "", err
	}
	shorter, err := w.sms(short{n, 1})
	if wording.Segments(longer) > wording.Segments(shorter) {
		return shorter, err
	}
	return longer, err
}

func (w *Words) sms(s short) (string, error) {
	var b strings.Builder
	err := w.layouts[s.Language].sms.Execute(&b, s)
	return strings.TrimSpace(b.String()), err
}
