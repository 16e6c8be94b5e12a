package message

import (
	"embed"
	"errors"
	"fmt"
	"html"
	htmltemplate "html/template"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"text/template"

	"signet/internal/locale"
)

// The names of the templates, which are also the names of the files that replace
// them, in all languages or, as "verification.email.de.txt", in one.
const (
	emailText = "verification.email.txt" // defines "subject" beside its text
	emailHTML = "verification.email.html"
	smsText   = "verification.sms.txt"
)

//go:embed templates phrases
var builtIn embed.FS

// builtInPhrases are the phrases as they are built in, read once.
var builtInPhrases = sync.OnceValues(func() (*locale.Catalog, error) { return loadPhrases() })

// loadPhrases reads the built-in phrases and what the overrides replace of them.
func loadPhrases(overrides ...fs.FS) (*locale.Catalog, error) {
	own, err := fs.Sub(builtIn, "phrases")
	if err != nil {
		return nil, err
	}
	return locale.Load("messages", own, overrides...)
}

// phrasesOf are the phrases of a server whose operator's folder is dir.
func phrasesOf(dir string) (*locale.Catalog, error) {
	if dir == "" {
		return builtInPhrases()
	}
	return loadPhrases(os.DirFS(dir))
}

// templates are the templates in one language.
type templates struct {
	email, sms *template.Template
	html       *htmltemplate.Template
}

func parse(dir string, p locale.Phrases) (t templates, err error) {
	var errs [3]error
	t.email, errs[0] = parseText(dir, emailText, p)
	t.sms, errs[1] = parseText(dir, smsText, p)
	t.html, errs[2] = parseHTML(dir, emailHTML, p)
	return t, errors.Join(errs[:]...)
}

func parseText(dir, name string, p locale.Phrases) (*template.Template, error) {
	name, text, err := read(dir, name, p.Language())
	if err != nil {
		return nil, err
	}
	t, err := template.New(name).Funcs(p.TextFuncs()).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	return t, nil
}

func parseHTML(dir, name string, p locale.Phrases) (*htmltemplate.Template, error) {
	name, text, err := read(dir, name, p.Language())
	if err != nil {
		return nil, err
	}
	t, err := htmltemplate.New(name).Funcs(p.HTMLFuncs()).Funcs(htmltemplate.FuncMap{"name": markName}).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	return t, nil
}

// markName is somebody's name in HTML: it stands out, and runs in its own direction.
func markName(name string) htmltemplate.HTML {
	return htmltemplate.HTML("<strong><bdi>" + html.EscapeString(name) + "</bdi></strong>")
}

// read finds a template: the operator's for the language, the operator's for all,
// the built-in one.
func read(dir, name string, language locale.Language) (found, text string, err error) {
	if dir != "" {
		extension := filepath.Ext(name)
		for _, own := range []string{strings.TrimSuffix(name, extension) + "." + language.String() + extension, name} {
			text, err := os.ReadFile(filepath.Join(dir, own))
			if !errors.Is(err, fs.ErrNotExist) {
				return own, string(text), err
			}
		}
	}
	content, err := builtIn.ReadFile("templates/" + name)
	return name, string(content), err
}
