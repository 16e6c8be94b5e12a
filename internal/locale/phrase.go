package locale

import (
	"errors"
	"fmt"
	htmltemplate "html/template"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/feature/plural"
)

// countName is the value that chooses a phrase's plural form.
const countName = "count"

// phrase is one phrase in one language: a text for each plural form, or one text
// under plural.Other if it counts nothing.
type phrase struct {
	counts bool
	forms  map[plural.Form]text
}

// text is a phrase's text, taken apart.
type text []part

// part is a piece of a text: words, or a value's name, or markup. The name in
// markup is that of the address which the markup links to.
type part struct {
	words  string
	html   string // the words, escaped
	name   string
	markup string
}

var (
	placeholder = regexp.MustCompile(`^\{([a-z][a-z_]*)\}`)
	// markup is what a phrase may hold beside its words: enough to stress, to mark up
	// a code and to link.
	markup = regexp.MustCompile(`^<(?:/?(?:strong|em|code|bdi|a)|br|a href="\{([a-z][a-z_]*)\}")>`)
)

// parseText takes a text apart. "<", "{" and "}" have no other meaning than markup
// and values.
func parseText(s string) (text, error) {
	if err := checkRunes(s); err != nil {
		return nil, err
	}
	var t text
	for s != "" {
		words := s
		if i := strings.IndexAny(s, "<{}"); i >= 0 {
			words = s[:i]
		}
		if words != "" {
			t = append(t, part{words: words, html: htmltemplate.HTMLEscapeString(words)})
			s = s[len(words):]
			continue
		}
		p, length, err := parseSpecial(s)
		if err != nil {
			return nil, err
		}
		t = append(t, p)
		s = s[length:]
	}
	return t, t.checkMarkup()
}

// String is the inverse of parseText.
func (t text) String() string {
	var b strings.Builder
	for _, p := range t {
		switch {
		case p.markup != "":
			b.WriteString(p.markup)
		case p.name != "":
			b.WriteString("{" + p.name + "}")
		default:
			b.WriteString(p.words)
		}
	}
	return b.String()
}

// parseSpecial reads the value or markup that s begins with.
func parseSpecial(s string) (p part, length int, err error) {
	if m := placeholder.FindStringSubmatch(s); m != nil {
		return part{name: m[1]}, len(m[0]), nil
	}
	if m := markup.FindStringSubmatch(s); m != nil && m[0] != "<a>" {
		return part{markup: m[0], name: m[1]}, len(m[0]), nil
	}
	return part{}, 0, fmt.Errorf("%.12q is neither a value such as {name} nor markup that a phrase may hold", s)
}

func checkRunes(s string) error {
	if strings.TrimSpace(s) == "" {
		return errors.New("it is empty")
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }) {
		return errors.New("it holds control characters, or is not UTF-8")
	}
	return nil
}

// checkMarkup checks that what is opened is closed, in order.
func (t text) checkMarkup() error {
	var open []string
	for _, p := range t {
		tag := strings.Trim(p.markup, "</>")
		tag, _, _ = strings.Cut(tag, " ")
		switch {
		case tag == "" || tag == "br":
		case !strings.HasPrefix(p.markup, "</"):
			open = append(open, tag)
		case len(open) == 0 || open[len(open)-1] != tag:
			return fmt.Errorf("%s closes nothing", p.markup)
		default:
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("<%s> is not closed", open[len(open)-1])
	}
	return nil
}

// holds lists the values and the markup of a text, which are the same in every
// language. The number that is counted may be left out: "one minute" tells it.
func (t text) holds() []string {
	var all []string
	for _, p := range t {
		switch {
		case p.markup != "" && !strings.HasPrefix(p.markup, "</"):
			all = append(all, p.markup)
		case p.name != "" && p.name != countName:
			all = append(all, "{"+p.name+"}")
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
