package page

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"slices"
	"strconv"
	"sync"
	"time"

	"signet/internal/locale"
	"signet/internal/look"
	"signet/verify"
)

//go:embed phrases templates
var texts embed.FS

// words are the phrases of one language, and how pages say with them what is not one
// phrase alone.
type words struct {
	locale.Phrases
	keys []string // in order
}

func (w words) funcs() template.FuncMap {
	return template.FuncMap{
		"T": w.HTML, "date": w.date, "trouble": w.trouble, "problem": w.problem, "purpose": w.purpose, "means": w.means,
		"moment": w.moment, "happened": w.happened,
	}
}

// date is the day of t, as in "2 January 2006".
func (w words) date(t time.Time) (template.HTML, error) {
	month, err := w.HTML("month-" + strconv.Itoa(int(t.Month())))
	if err != nil {
		return "", err
	}
	return w.HTML("date", "count", t.Day(), "month", month, "year", strconv.Itoa(t.Year()))
}

// moment is the day and the minute of t, which is in UTC.
func (w words) moment(t time.Time) (template.HTML, error) {
	day, err := w.date(t)
	return day + template.HTML(" <bdi>"+t.Format("15:04 MST")+"</bdi>"), err
}

// happened says what an entry of a history is.
func (w words) happened(e event) (template.HTML, error) {
	return w.HTML("happened-"+string(e.What), "user", e.User.String())
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

// trouble says why a form is shown again: in the words of this form, under the first
// of its names that has some, or in those for every form.
func (w words) trouble(why refusal, home string, forms ...string) (template.HTML, error) {
	wait, err := w.wait(why.Wait)
	if err != nil {
		return "", err
	}
	var keys []string
	for _, is := range []trouble{why.Is, "other"} {
		for _, form := range forms {
			keys = append(keys, "trouble-"+form+"-"+string(is))
		}
		keys = append(keys, "trouble-"+string(is))
	}
	return w.HTML(w.firstKnown(keys...), "home", home, "wait", wait)
}

// problem says what a problem page is headed with, or, without the part, what it
// says.
func (w words) problem(p problemPage, part string) (template.HTML, error) {
	wait, err := w.wait(p.Wait)
	if err != nil {
		return "", err
	}
	key := w.firstKnown("problem-"+string(p.Is)+part, "problem-"+string(isRequest)+part)
	return w.HTML(key, "request", p.RequestID, "wait", wait)
}

// purpose says what an address is to be proven for, and for which account, if that is
// known.
func (w words) purpose(p verify.Purpose, user string) (template.HTML, error) {
	key := w.firstKnown("purpose-"+string(p), "purpose-"+string(verify.Verify))
	if user != "" {
		key += "-user"
	}
	return w.HTML(key, "user", user)
}

// means says what whoever asked can do once the address is proven.
func (w words) means(p verify.Purpose) (template.HTML, error) {
	return w.HTML(w.firstKnown("means-"+string(p), "means-"+string(verify.Verify)))
}

func (w words) firstKnown(keys ...string) string {
	for _, key := range keys {
		if _, found := slices.BinarySearch(w.keys, key); found {
			return key
		}
	}
	return keys[len(keys)-1]
}

// shelf is what every server's pages are made of.
type shelf struct {
	pages map[locale.Language]map[string]*template.Template
	err   error
}

// library reads the phrases and templates once, since they are the same for all.
var library = sync.OnceValue(func() (s *shelf) {
	s = &shelf{pages: make(map[locale.Language]map[string]*template.Template)}
	folder, err := fs.Sub(texts, "phrases")
	if err != nil {
		return &shelf{err: err}
	}
	catalog, err := locale.Load("pages", folder)
	if err != nil {
		return &shelf{err: fmt.Errorf("reading the phrases of pages: %w", err)}
	}
	for _, language := range locale.Languages() {
		if s.pages[language], err = parseTemplates(words{catalog.In(language), catalog.Keys()}); err != nil {
			return &shelf{err: err}
		}
	}
	return s
})

// parseTemplates reads each page together with the layout around it.
func parseTemplates(w words) (map[string]*template.Template, error) {
	layout, err := template.New("page").Funcs(w.funcs()).Parse(look.Layout)
	if err == nil {
		layout, err = layout.ParseFS(texts, "templates/layout.html", "templates/parts.html")
	}
	if err != nil {
		return nil, fmt.Errorf("reading the layout of pages: %w", err)
	}
	pages := make(map[string]*template.Template)
	for _, name := range []string{
		homeName, stepName, codeName, linkName, verifiedName, stopName, stoppedName, askOwnerName, ownerName, erasedName, invitationName, invitedName, neverName, challengeName, passedName, problemName, mailboxName, messageName,
	} {
		page := template.Must(layout.Clone()) // fails only after a first execution
		if pages[name], err = page.ParseFS(texts, "templates/"+name+".html"); err != nil {
			return nil, fmt.Errorf("reading the page %s: %w", name, err)
		}
	}
	return pages, nil
}
