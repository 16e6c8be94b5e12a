package captcha

import "unicode"

// normalise reads the digits of an answer as people type them: with blanks and hyphens
// between, in the digits of any script, and with the invisible marks that come along
// when text that runs from right to left is pasted. What is not six digits then cannot
// be a guess. What it returns it leaves as it is.
func normalise(answer string) (guess string, ok bool) {
	digits := make([]byte, 0, digitCount)
	for _, r := range answer {
		if unicode.IsSpace(r) || unicode.In(r, unicode.Pd, unicode.Cf) {
			continue
		}
		value, isDigit := digitValue(r)
		if !isDigit || len(digits) == digitCount {
			return "", false
		}
		digits = append(digits, '0'+value)
	}
	return string(digits), len(digits) == digitCount
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
