package userdirectory

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// fold is a text without what people leave out when they search: case, diacritics, and forms of
// the same letter (NFKD, case folding, without combining marks). Folding again changes nothing.
func fold(text string) string {
	if isPlain(text) {
		return text
	}
	folded := bare(cases.Fold().String(bare(norm.NFKD.String(text))))
	return bare(norm.NFKD.String(folded)) // some fold into what can be taken apart again
}

// bare is a text without combining marks of letters.
func bare(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, text)
}

// isPlain tells whether there is nothing to fold.
func isPlain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c >= 0x80 || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}

// words are those of a folded text. In scripts that put nothing between words each letter is
// one, so that a name is found by any part of it.
func words(folded string) (all []string) {
	start := -1
	flush := func(end int) {
		if start >= 0 {
			all = append(all, folded[start:end])
		}
		start = -1
	}
	for i, r := range folded {
		switch {
		case isBetween(r):
			flush(i)
		case unicode.In(r, unspaced...):
			flush(i)
			all = append(all, string(r))
		case start < 0:
			start = i
		}
	}
	flush(len(folded))
	return all
}

// unspaced are the scripts that put nothing between words.
var unspaced = []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar}

// isBetween tells whether a character stands between words. Symbols do not: people are called
// by them too.
func isBetween(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsPunct(r) || unicode.IsControl(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Cf, r)
}
