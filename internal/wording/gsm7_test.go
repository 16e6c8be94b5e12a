package wording_test

import (
	"strings"
	"testing"

	"signet/internal/wording"
)

// basicTable is the default alphabet as 3GPP TS 23.038 section 6.2.1 prints it:
// columns are the three high bits, rows the four low ones. SP, LF, CR and ESC stand
// for what they are.
const basicTable = `
@ Δ SP 0 ¡ P ¿ p
£ _ ! 1 A Q a q
$ Φ " 2 B R b r
¥ Γ # 3 C S c s
è Λ ¤ 4 D T d t
é Ω % 5 E U e u
ù Π & 6 F V f v
ì Ψ ' 7 G W g w
ò Σ ( 8 H X h x
Ç Θ ) 9 I Y i y
LF Ξ * : J Z j z
Ø ESC + ; K Ä k ä
ø Æ , < L Ö l ö
CR æ - = M Ñ m ñ
Å ß . > N Ü n ü
å É / ? O § o à
`

// extensionTable is section 6.2.1.1: what stands for a character after an escape.
var extensionTable = map[string]string{
	"LF": "\f", "Λ": "^", "(": "{", ")": "}", "/": "\\", "<": "[", "=": "~", ">": "]", "¡": "|", "e": "€",
}

func TestGSM7IsTheStandardsTable(t *testing.T) {
	width := map[rune]int{}
	for cell := range strings.FieldsSeq(basicTable) {
		if r := []rune(strings.NewReplacer("SP", " ", "LF", "\n", "CR", "\r").Replace(cell)); cell != "ESC" {
			width[r[0]] = 1
		}
	}
	for _, c := range extensionTable {
		width[[]rune(c)[0]] = 2
	}
	if len(width) != 127+10 {
		t.Fatalf("the table has %d characters", len(width))
	}
	for r := range rune(0x3000) {
		s := string(r)
		if got := wording.GSM7(s); got != (width[r] > 0) {
			t.Errorf("GSM7(%q) = %v", s, got)
		}
		if w := width[r]; w > 0 {
			if full := strings.Repeat(s, 160/w); wording.Segments(full) != 1 || wording.Segments(full+s) != 2 {
				t.Errorf("%q does not take %d septets", s, w)
			}
		}
	}
}

func TestSegments(t *testing.T) {
	for _, c := range []struct {
		text string
		want int
	}{
		{"", 1},
		{strings.Repeat("a", 160), 1},
		{strings.Repeat("a", 161), 2},
		{strings.Repeat("a", 2*153), 2},
		{strings.Repeat("a", 2*153+1), 3},
		{strings.Repeat("a", 158) + "€", 1},
		{strings.Repeat("a", 159) + "€", 2},
		{strings.Repeat("a", 152) + "€" + strings.Repeat("a", 151), 2},
		{strings.Repeat("a", 152) + "€" + strings.Repeat("a", 152), 3}, // no segment ends between an escape and its character
		{strings.Repeat("ж", 70), 1},
		{strings.Repeat("ж", 71), 2},
		{strings.Repeat("ж", 134), 2},
		{strings.Repeat("ж", 135), 3},
		{strings.Repeat("a", 69) + "ç", 1},
		{strings.Repeat("a", 70) + "ç", 2},
		{strings.Repeat("😀", 35), 1},
		{strings.Repeat("😀", 66), 2}, // 33 in each, for half of one is none
		{strings.Repeat("😀", 67), 3},
	} {
		if got := wording.Segments(c.text); got != c.want {
			t.Errorf("Segments(%d characters, %.10q…) = %d, want %d", len([]rune(c.text)), c.text, got, c.want)
		}
	}
}
