package wording

import (
	"errors"
	"fmt"
	"html"
	htmltemplate "html/template"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"text/template"

	"signet/internal/locale"
)

// Folder is the phrases and layouts of some messages: what Own has of them before the
// built-in ones.
type Folder struct {
	// BuiltIn holds the folders "phrases" and "templates".
	BuiltIn fs.FS
	// Domain names the files of the phrases, as in "messages.de.yaml".
	Domain string
	// Own is the operator's folder; empty replaces nothing. A layout there counts for
	// all languages or, as "verification.email.de.txt", for one.
	Own string
}

// Phrases reads the phrases and what the operator replaces of them.
func (f Folder) Phrases() (*locale.Catalog, error) {
	builtIn, err := fs.Sub(f.BuiltIn, "phrases")
	if err != nil {
		return nil, err
	}
	if f.Own == "" {
		return locale.Load(f.Domain, builtIn)
	}
	return locale.Load(f.Domain, builtIn, os.DirFS(f.Own))
}

// Text reads a layout of plain text. The error names its file.
func (f Folder) Text(name string, p locale.Phrases) (*template.Template, error) {
	name, text, err := f.read(name, p.Language())
	if err != nil {
		return nil, err
	}
	t, err := template.New(name).Funcs(p.TextFuncs()).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	return t, nil
}

// HTML reads a layout in HTML, which marks names with the function name. The error
// names its file.
func (f Folder) HTML(name string, p locale.Phrases) (*htmltemplate.Template, error) {
	name, text, err := f.read(name, p.Language())
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

// read finds a layout: the operator's for the language, the operator's for all, the
// built-in one.
func (f Folder) read(name string, language locale.Language) (found, text string, err error) {
	if f.Own != "" {
		extension := filepath.Ext(name)
		for _, own := range []string{strings.TrimSuffix(name, extension) + "." + language.String() + extension, name} {
			text, err := os.ReadFile(filepath.Join(f.Own, own))
			if !errors.Is(err, fs.ErrNotExist) {
				return own, string(text), err
			}
		}
	}
	content, err := fs.ReadFile(f.BuiltIn, path.Join("templates", name))
	return name, string(content), err
}
