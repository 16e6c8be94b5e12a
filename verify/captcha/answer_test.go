package captcha_test

import (
	"strings"
	"testing"
	"unicode"

	"signet/verify/captcha"
)

func TestAnswersAsPeopleTypeThem(t *testing.T) {
	for _, test := range []struct {
		name, answer, want string // want is empty where it cannot be a guess
	}{
		{"plain", "012345", "012345"},
		{"with blanks", " 012 345\r\n", "012345"},
		{"with hyphens", "01-23-45", "012345"},
		{"with a non-breaking hyphen and an en dash", "01\u201123\u201345", "012345"},
		{"with a narrow and an ideographic blank", "01\u202f23\u300045", "012345"},
		{"Arabic-Indic", "٠١٢٣٤٥", "012345"},
		{"Arabic-Indic between marks of direction", "\u2067٦٧٨٩٠١\u2069\u200f", "678901"},
		{"Persian", "۰۱۲۳۴۵", "012345"},
		{"Devanagari", "०१२३४५", "012345"},
		{"Bengali", "৪৫৬৭৮৯", "456789"},
		{"full width", "０１２３４５", "012345"},
		{"bold and monospaced", "𝟎𝟏𝟐𝟿𝟾𝟽", "012987"},
		{"of two scripts", "٠١٢345", "012345"},
		{"nothing", "", ""},
		{"blanks", " - ", ""},
		{"five digits", "01234", ""},
		{"seven digits", "0123456", ""},
		{"a letter", "01234O", ""},
		{"a sign", "+12345", ""},
		{"superscripts, which are no decimal digits", "⁰¹²³⁴⁵", ""},
		{"Roman and Chinese numerals", "Ⅰ二三四五六", ""},
		{"a NUL", "01234\x005", ""},
		{"bad UTF-8", "01234\xff5", ""},
		{"a megabyte", strings.Repeat("1", 1<<20), ""},
	} {
		guess, ok := captcha.Normalise(test.answer)
		if ok != (test.want != "") || ok && guess != test.want {
			t.Errorf("%s: Normalise(%.20q) = %q, %t; want %q", test.name, test.answer, guess, ok, test.want)
		}
	}
}

// Decimal digits stand in rows of ten from zero to nine, whatever Unicode adds.
func TestEveryScriptsDigitsStandInRows(t *testing.T) {
	for _, r := range unicode.Nd.R16 {
		if r.Stride != 1 || (r.Hi-r.Lo+1)%10 != 0 {
			t.Errorf("%U to %U are no rows of ten", r.Lo, r.Hi)
		}
	}
	for _, r := range unicode.Nd.R32 {
		if r.Stride != 1 || (r.Hi-r.Lo+1)%10 != 0 {
			t.Errorf("%U to %U are no rows of ten", r.Lo, r.Hi)
		}
	}
}

// What cannot be a guess costs no try, and what can be costs one.
func TestAMistypedAnswerCostsNoTry(t *testing.T) {
	each(t, func(w *world) {
		c := w.open(alice)
		for _, answer := range []string{"", "12345", "1234567", "12345x", "\x00", "\xff", strings.Repeat("1", 1<<16)} {
			w.pass(c.ID, answer, captcha.ErrWrong)
		}
		if tries := w.row().tries; tries != 0 {
			w.Errorf("what cannot be a guess cost %d tries", tries)
		}
		w.pass(c.ID, w.wrong(c.ID), captcha.ErrWrong)
		if tries := w.row().tries; tries != 1 {
			w.Errorf("one guess cost %d tries", tries)
		}
		right := strings.Map(func(r rune) rune { return r - '0' + '٠' }, w.a.Answer(c.ID))
		w.pass(c.ID, right[:6]+" - "+right[6:], nil)
		w.pass(c.ID, "12345x", captcha.ErrWrong)
	})
}

// A guess is six digits, is itself when it is read again, and is the same with blanks
// between and in another script.
func FuzzNormalise(f *testing.F) {
	for _, seed := range []string{"", "012345", " 01-23 45 ", "٠١٢٣٤٥", "０１２３４５", "12345", "1234567", "12x456", "\xff12345", "\u200f123456"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		guess, ok := captcha.Normalise(answer)
		if !ok {
			return
		}
		if len(guess) != 6 || strings.Trim(guess, "0123456789") != "" {
			t.Fatalf("Normalise(%q) = %q", answer, guess)
		}
		arabic := strings.Map(func(r rune) rune { return r - '0' + '٠' }, guess)
		for _, same := range []string{guess, strings.Join(strings.Split(guess, ""), " \u2010\u200e"), arabic, answer + "-", "\t" + answer} {
			if again, ok := captcha.Normalise(same); !ok || again != guess {
				t.Errorf("Normalise(%q) = %q, %t; want %q as of %q", same, again, ok, guess, answer)
			}
		}
	})
}
