package threepid

import (
	"strings"

	"golang.org/x/text/cases"
)

// fold is Unicode's full case folding (CaseFolding.txt, status C and F), as the
// specification asks of e-mail addresses. Folding twice is folding once.
func fold(s string) string {
	return strings.Map(cherokeeCapital, cases.Fold().String(s))
}

// cherokeeCapital undoes the lowering of Cherokee letters, the one script that
// Unicode folds to its capitals: its small letters were encoded 16 years later.
func cherokeeCapital(r rune) rune {
	switch {
	case 0xab70 <= r && r <= 0xabbf:
		return r - 0xab70 + 0x13a0
	case 0x13f8 <= r && r <= 0x13fd:
		return r - 0x13f8 + 0x13f0
	}
	return r
}
