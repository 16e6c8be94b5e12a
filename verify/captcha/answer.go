package captcha

import (
	"strings"
	"unicode"
)

// normalise reads the digits of an answer as people type them: with blanks and hyphens
// between, in the digits of any script, and with the invisible marks that come along
// when text that runs from right to left is pasted. What is not six digits then cannot
// be a guess. What it returns it leaves as it is.
func normalise(answer string) (guess string, ok bool) {
	guess = Typed(answer)
	return guess, len(guess) == digitCount && strings.Trim(guess, "0123456789") == ""
}

// Typed is a code as it was meant: without the blanks, hyphens and invisible marks between
// its digits, which are written as 0 to 9 whatever their script. Other characters stay.
func Typed(code string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.In(r, unicode.Pd, unicode.Cf) {
			return -1
		}
		if value, isDigit := digitValue(r); isDigit {
			return '0' + rune(value)
		}
		return r
	}, code)
}

// digitValue is the value of a decimal digit of any script. Each script's stand in a
// row from zero to nine (The Unicode Standard, section 4.6), and so do the rows that
// share a range.
func digitValue(r rune) (value byte, ok bool) {
	for _, range16 := range unicode.Nd.R16 {
		if lo, hi := rune(range16.Lo), rune(range16.Hi); lo <= r && r <= hi {
			return byte((r - lo) % 10), true
		}
	}
	for _, range32 := range unicode.Nd.R32 {
		if lo, hi := rune(range32.Lo), rune(range32.Hi); lo <= r && r <= hi {
			return byte((r - lo) % 10), true
		}
	}
	return 0, false
}
