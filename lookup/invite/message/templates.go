package message

import (
	"embed"
	"errors"
	htmltemplate "html/template"
	"sync"
	"text/template"

	"signet/internal/locale"
	"signet/internal/wording"
)

// The names of the layouts, which are also the names of the files that replace them, in
// all languages or, as "invitation.email.de.txt", in one.
const (
	emailText = "invitation.email.txt" // defines "subject" beside its text
	emailHTML = "invitation.email.html"
	smsText   = "invitation.sms.txt"
)

//go:embed templates phrases
var builtIn embed.FS

func folderOf(dir string) wording.Folder {
	return wording.Folder{BuiltIn: builtIn, Domain: "invitations", Own: dir}
}

// builtInPhrases are the phrases as they are built in, read once.
var builtInPhrases = sync.OnceValues(folderOf("").Phrases)

// phrasesOf are the phrases of a server whose operator's folder is dir.
func phrasesOf(dir string) (*locale.Catalog, error) {
	if dir == "" {
		return builtInPhrases()
	}
	return folderOf(dir).Phrases()
}

// templates are the layouts in one language.
type templates struct {
	email, sms *template.Template
	html       *htmltemplate.Template
}

func parse(dir string, p locale.Phrases) (t templates, err error) {
	var errs [3]error
	f := folderOf(dir)
	t.email, errs[0] = f.Text(emailText, p)
	t.sms, errs[1] = f.Text(smsText, p)
	t.html, errs[2] = f.HTML(emailHTML, p)
	return t, errors.Join(errs[:]...)
}
