package message

import (
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// Language is the language of the built-in words (BCP 47).
const Language = "en"

// Verification is what a verification message tells. Link is empty in a text
// message; Asker is the Matrix account that asks, or empty when a person asked on
// this server's own page.
type Verification struct {
	Server      string // the server's name, filled in by Words
	Host        string // the host of its pages, filled in by Words
	Code        string
	Link        string
	Asker       string
	CodeMinutes int
	LinkMinutes int
}

// Grouped is the code in groups of at most four digits, easier to read and type.
func (v Verification) Grouped() string {
	half := (len(v.Code) + 1) / 2
	if half > 4 || half == len(v.Code) {
		return v.Code
	}
	return v.Code[:half] + " " + v.Code[half:]
}

// The names of the templates, which are also the names of the files that replace
// them.
const (
	emailText = "verification.email.txt" // defines "subject" beside its text
	emailHTML = "verification.email.html"
	smsText   = "verification.sms.txt"
)

//go:embed templates
var builtIn embed.FS

// Words writes messages in the name of one server. It is safe for concurrent use.
type Words struct {
	server, host string
	email        *template.Template
	html         *htmltemplate.Template
	sms          *template.Template
}

// New reads the templates, each from dir if it is there, else the built-in one,
// and tries each once: a broken one is an error now and not at the first message.
// server is the server's name and host the host of its pages. An empty dir
// replaces nothing.
func New(dir, server, host string) (*Words, error) {
	w := &Words{server: server, host: host}
	var errs [3]error
	w.email, errs[0] = parse(dir, emailText)
	w.sms, errs[1] = parse(dir, smsText)
	w.html, errs[2] = parseHTML(dir, emailHTML)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	sample := Verification{Code: "12345678", Link: "https://example.org/", Asker: "@alice:example.org", CodeMinutes: 15, LinkMinutes: 60}
	_, _, _, emailErr := w.Email(sample)
	_, smsErr := w.SMS(sample)
	if err := errors.Join(emailErr, smsErr); err != nil {
		return nil, err
	}
	return w, nil
}

// Email writes an e-mail: a subject of one line, plain text and HTML.
func (w *Words) Email(v Verification) (subject, text, html string, err error) {
	v.Server, v.Host = w.server, w.host
	var s, t, h strings.Builder
	err = errors.Join(
		w.email.ExecuteTemplate(&s, "subject", v),
		w.email.Execute(&t, v),
		w.html.Execute(&h, v),
	)
	return strings.TrimSpace(s.String()), strings.TrimSpace(t.String()) + "\n", h.String(), err
}

// SMS writes a text message. Its last line binds the code to the page's host, so
// that phones fill it in there and nowhere else (WICG, "Origin-bound one-time
// codes delivered via SMS").
func (w *Words) SMS(v Verification) (string, error) {
	v.Server, v.Host = w.server, w.host
	var b strings.Builder
	err := w.sms.Execute(&b, v)
	return strings.TrimSpace(b.String()), err
}

func parse(dir, name string) (*template.Template, error) {
	text, err := read(dir, name)
	if err != nil {
		return nil, err
	}
	t, err := template.New(name).Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	return t, nil
}

func parseHTML(dir, name string) (*htmltemplate.Template, error) {
	text, err := read(dir, name)
	if err != nil {
		return nil, err
	}
	t, err := htmltemplate.New(name).Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	return t, nil
}

func read(dir, name string) (string, error) {
	if dir != "" {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if !errors.Is(err, fs.ErrNotExist) {
			return string(text), err
		}
	}
	text, err := builtIn.ReadFile("templates/" + name)
	return string(text), err
}
