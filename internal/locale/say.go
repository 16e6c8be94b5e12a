package locale

import (
	"errors"
	"fmt"
	htmltemplate "html/template"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/message"
	"golang.org/x/text/number"
	"golang.org/x/text/unicode/bidi"
)

// ErrPhrase is the error of a phrase that is unknown, or is asked for without a value
// that it needs. It is a mistake in a template or in code, never in a request.
var ErrPhrase = errors.New("phrase cannot be said")

// Phrases is a catalog in one language. Templates say a phrase with the function T,
// its values as pairs of name and value:
//
//	{{T "greeting" "name" .Name}}
//
// A value is a string, something with a String method, or a whole number, which is
// written as the language writes numbers.
type Phrases struct {
	catalog  *Catalog
	language Language
}

// In is the catalog in one language.
func (c *Catalog) In(l Language) Phrases { return Phrases{c, l} }

// Keys lists the phrases of the catalog.
func (c *Catalog) Keys() []string { return sortedKeys(c.phrases[English]) }

// Forms are the texts of a phrase as they were written, by the names of their plural forms, for
// those who say it elsewhere; one that does not count has "other" alone.
func (p Phrases) Forms(key string) map[string]string {
	forms := map[string]string{}
	for form, t := range p.catalog.phrases[p.language][key].forms {
		forms[formName(form)] = t.String()
	}
	return forms
}

// Language is the language that the phrases are in.
func (p Phrases) Language() Language { return p.language }

// TextFuncs are the functions for a text/template in this language.
func (p Phrases) TextFuncs() map[string]any { return map[string]any{"T": p.Text} }

// HTMLFuncs are the functions for an html/template in this language.
func (p Phrases) HTMLFuncs() map[string]any { return map[string]any{"T": p.HTML} }

// Text says a phrase in plain text, with its values as they are. A value that may run
// against the language's direction is isolated (UAX #9, section 2.4.2), so that a
// name in Latin letters does not turn the Arabic sentence around it, nor the other
// way about. A phrase with markup cannot be said in plain text.
func (p Phrases) Text(key string, args ...any) (string, error) {
	t, err := p.find(key, args)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, part := range t {
		switch {
		case part.markup != "":
			return "", fmt.Errorf("%w: %q has markup, which plain text has not", ErrPhrase, key)
		case part.name != "":
			value, err := p.textValue(values(args).get(part.name))
			if err != nil {
				return "", fmt.Errorf("%w: %q: value %q: %w", ErrPhrase, key, part.name, err)
			}
			b.WriteString(value)
		default:
			b.WriteString(part.words)
		}
	}
	return b.String(), nil
}

// HTML says a phrase in HTML. Its markup is trusted and its words and values are
// escaped, but for values that are HTML already. The values of strangers, Matrix ids
// and names of servers, are to stand in a <bdi>, which the caller or the phrase
// writes.
func (p Phrases) HTML(key string, args ...any) (htmltemplate.HTML, error) {
	t, err := p.find(key, args)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, part := range t {
		s, err := p.htmlPart(part, values(args).get(part.name))
		if err != nil {
			return "", fmt.Errorf("%w: %q: value %q: %w", ErrPhrase, key, part.name, err)
		}
		b.WriteString(s)
	}
	return htmltemplate.HTML(b.String()), nil
}

func (p Phrases) htmlPart(part part, value any) (string, error) {
	switch {
	case part.markup != "" && part.name != "":
		address, err := link(value)
		return strings.Replace(part.markup, "{"+part.name+"}", htmltemplate.HTMLEscapeString(address), 1), err
	case part.markup != "":
		return part.markup, nil
	case part.name == "":
		return part.html, nil
	}
	if html, ok := value.(htmltemplate.HTML); ok {
		return string(html), nil
	}
	s, _, err := p.plain(value)
	return htmltemplate.HTMLEscapeString(s), err
}

// link is a value that may be linked to: a page of the web or of this server, or a
// mailbox, but no script.
func link(value any) (string, error) {
	s, ok := value.(string)
	for _, start := range []string{"https://", "http://", "mailto:", "/", "#", "?"} {
		if ok && strings.HasPrefix(s, start) && !strings.HasPrefix(s, "//") {
			return s, nil
		}
	}
	return "", errors.New("it is not an address that a phrase may link to")
}

// find looks a phrase up and chooses its plural form.
func (p Phrases) find(key string, args values) (text, error) {
	phrase, ok := p.catalog.phrases[p.language][key]
	if !ok {
		return nil, fmt.Errorf("%w: there is no %q in %q", ErrPhrase, key, p.catalog.domain)
	}
	if err := args.check(); err != nil {
		return nil, fmt.Errorf("%w: %q: %w", ErrPhrase, key, err)
	}
	form := plural.Other
	if phrase.counts {
		n := reflect.ValueOf(args.get(countName))
		if !n.IsValid() || !n.CanInt() {
			return nil, fmt.Errorf("%w: %q counts, and has no whole number %q", ErrPhrase, key, countName)
		}
		form = p.language.form(n.Int())
	}
	t := phrase.forms[form]
	for _, part := range t {
		if part.name != "" && args.find(part.name) < 0 {
			return nil, fmt.Errorf("%w: %q has no value %q", ErrPhrase, key, part.name)
		}
	}
	return t, nil
}

// values are pairs of name and value. They are few, and searched as they stand.
type values []any

func (v values) check() error {
	if len(v)%2 != 0 {
		return errors.New("a name has no value")
	}
	for i := 0; i < len(v); i += 2 {
		if _, ok := v[i].(string); !ok {
			return fmt.Errorf("the name of value %d is not a string", i/2+1)
		}
	}
	return nil
}

// find is where the value of a name stands, the last if there are several, or -1.
func (v values) find(name string) int {
	for i := len(v) - 2; i >= 0; i -= 2 {
		if v[i] == name {
			return i + 1
		}
	}
	return -1
}

func (v values) get(name string) any {
	if i := v.find(name); i >= 0 {
		return v[i]
	}
	return nil
}

// The marks around a value: first strong isolate and pop directional isolate.
const (
	firstStrongIsolate = "\u2068"
	popIsolate         = "\u2069"
)

func (p Phrases) textValue(value any) (string, error) {
	if _, ok := value.(htmltemplate.HTML); ok {
		return "", errors.New("it is HTML, and the phrase is plain text")
	}
	s, number, err := p.plain(value)
	if err != nil || number || !p.language.turnedBy(s) {
		return s, err
	}
	return firstStrongIsolate + s + popIsolate, nil
}

// turnedBy reports whether s can run against a sentence in the language. A run of
// digits, such as a code, cannot, and is copied without a mark at its ends.
func (l Language) turnedBy(s string) bool {
	if l.Direction() == "rtl" {
		return strings.ContainsFunc(s, func(r rune) bool { return r < '0' || '9' < r })
	}
	return strings.ContainsFunc(s, runsLeft)
}

// runsLeft reports whether a character runs, or makes others run, from right to left.
func runsLeft(r rune) bool {
	if r < utf8.RuneSelf {
		return false
	}
	properties, _ := bidi.LookupRune(r)
	switch properties.Class() {
	case bidi.R, bidi.AL, bidi.AN, bidi.RLO, bidi.RLE, bidi.RLI:
		return true
	}
	return false
}

// printers write numbers, one a language.
var printers = makePrinters()

func makePrinters() (all [count]*message.Printer) {
	for l, k := range known {
		all[l] = message.NewPrinter(mustParse(k.numbers))
	}
	return all
}

// plain is a value as text, and whether it is a number.
func (p Phrases) plain(value any) (s string, isNumber bool, err error) {
	if stringer, ok := value.(fmt.Stringer); ok {
		return stringer.String(), false, nil
	}
	switch v := reflect.ValueOf(value); {
	case v.IsValid() && v.Kind() == reflect.String:
		return v.String(), false, nil
	case v.IsValid() && v.CanInt():
		return p.language.number(v.Int()), true, nil
	}
	return "", false, fmt.Errorf("a %T is not a value of a phrase", value)
}

// number is a number as the language writes it. Those that need no grouping are
// written in the digits 0 to 9 by all of them; the printers take long.
func (l Language) number(n int64) string {
	if 0 <= n && n < 1000 {
		return strconv.FormatInt(n, 10)
	}
	return printers[l].Sprint(number.Decimal(n))
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
