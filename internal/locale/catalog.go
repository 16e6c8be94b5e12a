package locale

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/goccy/go-yaml"
	"golang.org/x/text/feature/plural"
)

// Catalog is the phrases of one domain, such as "messages", in every language. It is
// safe for concurrent use.
//
// Its files are named "messages.de.yaml". Each entry is a phrase: a text, or, where
// something is counted, its plural forms by the names of CLDR:
//
//	greeting: "Hello {name}, this is <strong>important</strong>."
//	minutes: {one: "{count} minute", other: "{count} minutes"}
//
// The form is chosen by the value named count, which a form need not show.
type Catalog struct {
	domain  string
	phrases [count]map[string]phrase
}

// Load reads the phrases of a domain, one file a language, from builtIn, and what
// replaces some phrases of some languages from overrides, in this order. A catalog
// that is not whole is not loaded; the error lists all that is wrong with it:
//
//   - each language has the phrases that English has, and no others;
//   - each phrase has the values and the markup of the English one;
//   - each phrase that counts has the plural forms of its language, and no others.
func Load(domain string, builtIn fs.FS, overrides ...fs.FS) (*Catalog, error) {
	l := loader{c: &Catalog{domain: domain}}
	for _, language := range Languages() {
		l.c.phrases[language] = map[string]phrase{}
		l.read(builtIn, language, true)
	}
	l.checkNames(builtIn)
	l.checkComplete()
	for _, folder := range overrides {
		for _, language := range Languages() {
			l.read(folder, language, false)
		}
		l.checkNames(folder)
	}
	if err := errors.Join(l.problems...); err != nil {
		return nil, err
	}
	return l.c, nil
}

// loader collects a catalog and all that is wrong with it.
type loader struct {
	c        *Catalog
	problems []error
}

func (l *loader) report(file, key string, err error) {
	if key != "" {
		file += ": " + key
	}
	l.problems = append(l.problems, fmt.Errorf("%s: %w", file, err))
}

// read takes in the file of one language.
func (l *loader) read(folder fs.FS, language Language, builtIn bool) {
	file := l.c.domain + "." + language.String() + ".yaml"
	content, err := fs.ReadFile(folder, file)
	if errors.Is(err, fs.ErrNotExist) && !builtIn {
		return
	}
	if err != nil {
		l.report(file, "", err)
		return
	}
	var entries map[string]any
	if err := yaml.Unmarshal(content, &entries); err != nil {
		l.report(file, "", err)
		return
	}
	for _, key := range sortedKeys(entries) {
		p, err := parsePhrase(language, entries[key])
		if err == nil {
			err = l.checkAgainstEnglish(key, p, builtIn && language == English)
		}
		if err != nil {
			l.report(file, key, err)
		}
		l.c.phrases[language][key] = p
	}
}

// parsePhrase reads the phrase that stands behind a key.
func parsePhrase(language Language, entry any) (phrase, error) {
	p := phrase{forms: map[plural.Form]text{}}
	switch e := entry.(type) {
	case string:
		t, err := parseText(strings.TrimSpace(e))
		p.forms[plural.Other] = t
		return p, err
	case map[string]any:
		p.counts = true
		return p, p.parseForms(language, e)
	}
	return p, errors.New("it is neither a text nor plural forms")
}

func (p phrase) parseForms(language Language, forms map[string]any) error {
	needed := language.forms()
	var errs []error
	for _, name := range sortedKeys(forms) {
		form, known := formNames[name]
		s, isText := forms[name].(string)
		if !known || !needed[form] || !isText {
			errs = append(errs, fmt.Errorf("%q is not a plural form of the language with a text", name))
			continue
		}
		t, err := parseText(strings.TrimSpace(s))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
		p.forms[form] = t
	}
	for _, name := range sortedKeys(formNames) {
		if _, there := forms[name]; needed[formNames[name]] && !there {
			errs = append(errs, fmt.Errorf("the plural form %q is missing", name))
		}
	}
	return errors.Join(errs...)
}

// checkAgainstEnglish checks that a phrase can stand for the English one. That is
// the measure; its own forms are held against each other.
func (l *loader) checkAgainstEnglish(key string, p phrase, isEnglish bool) error {
	english, known := l.c.phrases[English][key]
	if isEnglish {
		english, known = p, true
	}
	if !known {
		return errors.New("there is no such phrase in English")
	}
	if p.counts != english.counts {
		return errors.New("it has plural forms, or has none, unlike the English one")
	}
	want := strings.Join(english.forms[plural.Other].holds(), " ")
	for form, t := range p.forms {
		if got := strings.Join(t.holds(), " "); got != want {
			return fmt.Errorf("%s: it holds %q, and the English one %q", formName(form), got, want)
		}
	}
	return nil
}

// checkComplete looks for what English says and another language does not.
func (l *loader) checkComplete() {
	for _, language := range Languages() {
		for _, key := range sortedKeys(l.c.phrases[English]) {
			if _, there := l.c.phrases[language][key]; !there {
				l.report(l.c.domain+"."+language.String()+".yaml", key, errors.New("the phrase is missing"))
			}
		}
	}
}

// checkNames finds files of the domain that name no language: a slip of the pen
// must not pass for phrases that are in use.
func (l *loader) checkNames(folder fs.FS) {
	files, err := fs.Glob(folder, l.c.domain+".*.yaml")
	if err != nil {
		l.problems = append(l.problems, err)
	}
	for _, file := range files {
		tag := strings.TrimSuffix(strings.TrimPrefix(path.Base(file), l.c.domain+"."), ".yaml")
		if _, err := ParseLanguage(tag); err != nil {
			l.report(file, "", err)
		}
	}
}
