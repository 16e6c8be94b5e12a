package wording

import (
	"strings"
	"unicode/utf16"
)

// The GSM 7-bit default alphabet and its extension (3GPP TS 23.038, section 6.2.1):
// a character of the alphabet takes one septet, one of the extension two.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtended = "\f^{}\\[~]|€"
)

// What a segment carries: a message that is alone, and one of several, which carries
// their number too (3GPP TS 23.040, section 9.2.3.24.1).
const (
	septetsAlone, septetsEach = 160, 153
	unitsAlone, unitsEach     = 70, 67 // UCS-2
)

// GSM7 reports whether a text message can be sent in the GSM 7-bit alphabet, which
// has room for more than twice as many characters as the other one, UCS-2.
func GSM7(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return septets(r) == 0 })
}

// Segments is how many messages a text is sent, and paid for, as.
func Segments(text string) int {
	if GSM7(text) {
		return segments(text, septets, septetsAlone, septetsEach)
	}
	return segments(text, utf16.RuneLen, unitsAlone, unitsEach)
}

// segments packs a text into segments, none of which ends inside of a character.
func segments(text string, size func(rune) int, alone, each int) int {
	total, n, used := 0, 1, 0
	for _, r := range text {
		s := max(1, size(r))
		total += s
		if used += s; used > each {
			n, used = n+1, s
		}
	}
	if total <= alone {
		return 1
	}
	return n
}

// septets is what a character takes in the GSM 7-bit alphabet, 0 if it is not there.
func septets(r rune) int {
	switch {
	case strings.ContainsRune(gsmBasic, r):
		return 1
	case strings.ContainsRune(gsmExtended, r):
		return 2
	}
	return 0
}
