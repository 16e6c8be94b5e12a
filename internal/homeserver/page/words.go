package page

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"sync"
	"time"

	"signet/internal/locale"
	"signet/internal/look"
)

//go:embed phrases templates
var texts embed.FS

// words are the phrases of one language, and how pages say with them what is not one phrase
// alone.
type words struct{ locale.Phrases }

func (w words) funcs() template.FuncMap {
	return template.FuncMap{"T": w.HTML, "trouble": w.trouble, "problem": w.problem, "browser": w.browser}
}

// trouble says why a form is shown again.
func (w words) trouble(t trouble) (template.HTML, error) {
	wait, err := w.wait(t.Wait)
	if err != nil {
		return "", err
	}
	return w.HTML("trouble-"+string(t.Is), "wait", wait)
}

// problem says what a problem page is headed with, or, without the part, what it says.
func (w words) problem(p problem, part string) (template.HTML, error) {
	wait, err := w.wait(p.Wait)
	if err != nil {
		return "", err
	}
	return w.HTML("problem-"+string(p.Is)+part, "wait", wait, "request", p.Request)
}

// browser says which browser it is, where that is known, and on which system.
func (w words) browser(b browser) (template.HTML, error) {
	if b.Name == "" || b.System == "" {
		return template.HTML("<bdi>" + template.HTMLEscapeString(b.Name+b.System) + "</bdi>"), nil
	}
	return w.HTML("browser-on", "browser", b.Name, "system", b.System)
}

// wait is how long to wait, at least: in minutes, and from two hours on in hours.
func (w words) wait(d time.Duration) (template.HTML, error) {
	if d > 2*time.Hour {
		return w.HTML("wait-hours", "count", roundUp(d, time.Hour))
	}
	return w.HTML("wait-minutes", "count", roundUp(d, time.Minute))
}

// roundUp is d in whole units, at least one.
func roundUp(d, unit time.Duration) int64 { return max(1, int64((d+unit-1)/unit)) }

// The pages, by the names of their templates.
const (
	stageName   = "stage"
	doneName    = "done"
	loginName   = "login"
	problemName = "problem"
)

// shelf is all pages in all languages.
type shelf map[locale.Language]map[string]*template.Template

// library reads the phrases and templates once.
var library = sync.OnceValues(func() (shelf, error) {
	folder, err := fs.Sub(texts, "phrases")
	if err != nil {
		return nil, err
	}
	catalog, err := locale.Load("pages", folder)
	if err != nil {
		return nil, fmt.Errorf("reading the phrases of pages: %w", err)
	}
	all := shelf{}
	for _, language := range locale.Languages() {
		if all[language], err = parse(words{catalog.In(language)}); err != nil {
			return nil, fmt.Errorf("reading the templates of pages: %w", err)
		}
	}
	return all, nil
})

// parse reads each page together with the layout around it.
func parse(w words) (map[string]*template.Template, error) {
	pages := map[string]*template.Template{}
	for _, name := range []string{stageName, doneName, loginName, problemName} {
		page, err := template.New(name).Funcs(w.funcs()).Parse(look.Layout)
		if err != nil {
			return nil, err
		}
		if pages[name], err = page.ParseFS(texts, "templates/layout.html", "templates/"+name+".html"); err != nil {
			return nil, err
		}
	}
	return pages, nil
}
