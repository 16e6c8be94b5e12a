package push

import (
	"regexp"
	"strings"
)

// A pattern is a glob in which * stands for any characters and ? for one (appendices,
// "Glob-style matching"). Case makes no difference. Go's regular expressions take linear
// time, whatever the pattern and the text are.

// glob is the regular expression of a pattern.
func glob(pattern string) string {
	var b strings.Builder
	for literal := pattern; ; {
		at := strings.IndexAny(literal, "*?")
		if at < 0 {
			b.WriteString(quoted(literal))
			return b.String()
		}
		b.WriteString(quoted(literal[:at]))
		if literal[at] == '*' {
			b.WriteString(`.*`)
		} else {
			b.WriteString(`.`)
		}
		literal = literal[at+1:]
	}
}

func quoted(literal string) string { return regexp.QuoteMeta(literal) }

// wholly matches the whole of a text.
func wholly(pattern string) func(string) bool {
	if !strings.ContainsAny(pattern, "*?") {
		return func(s string) bool { return strings.EqualFold(s, pattern) }
	}
	return regexp.MustCompile(`(?is)^` + glob(pattern) + `$`).MatchString
}

// wordsOf matches where a pattern begins and ends at a word boundary.
func wordsOf(pattern string) *regexp.Regexp {
	const boundary = `[^A-Za-z0-9_]`
	return regexp.MustCompile(`(?s)(?:^|` + boundary + `)(?i:` + glob(pattern) + `)(?:$|` + boundary + `)`)
}

// hasWords tells whether words occur in a text so that they begin and end at a word
// boundary.
func hasWords(text, words string) bool {
	for from := 0; words != ""; {
		at := strings.Index(text[from:], words)
		if at < 0 {
			return false
		}
		at += from
		end := at + len(words)
		if (at == 0 || !wordly(text[at-1])) && (end == len(text) || !wordly(text[end])) {
			return true
		}
		from = at + 1
	}
	return false
}

func wordly(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}
