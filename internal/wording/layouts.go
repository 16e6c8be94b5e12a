package wording

import (
	"errors"
	htmltemplate "html/template"
	"strings"
	"text/template"

	"signet/internal/locale"
)

// Layouts are those of one sort of messages, in each language.
type Layouts map[locale.Language]layout

type layout struct {
	email, sms *template.Template // that of e-mails defines "subject" beside its text
	html       *htmltemplate.Template
}

// Layouts reads the layouts of one sort of messages: of "notice" they are
// "notice.email.txt", "notice.email.html" and "notice.sms.txt".
func (f Folder) Layouts(sort string, phrases *locale.Catalog) (Layouts, error) {
	all := Layouts{}
	var errs []error
	for _, language := range locale.Languages() {
		l, err := f.layout(sort, phrases.In(language))
		all[language] = l
		errs = append(errs, err)
	}
	return all, errors.Join(errs...)
}

func (f Folder) layout(sort string, p locale.Phrases) (l layout, err error) {
	var errs [3]error
	l.email, errs[0] = f.Text(sort+".email.txt", p)
	l.sms, errs[1] = f.Text(sort+".sms.txt", p)
	l.html, errs[2] = f.HTML(sort+".email.html", p)
	return l, errors.Join(errs[:]...)
}

// Email writes an e-mail: a subject of one line, plain text and HTML.
func (l Layouts) Email(language locale.Language, data any) (subject, text, html string, err error) {
	t := l[language]
	var s, p, h strings.Builder
	err = errors.Join(
		t.email.ExecuteTemplate(&s, "subject", data),
		t.email.Execute(&p, data),
		t.html.Execute(&h, data),
	)
	return strings.TrimSpace(s.String()), strings.TrimSpace(p.String()) + "\n", h.String(), err
}

// SMS writes a text message.
func (l Layouts) SMS(language locale.Language, data any) (string, error) {
	var b strings.Builder
	err := l[language].sms.Execute(&b, data)
	return strings.TrimSpace(b.String()), err
}
