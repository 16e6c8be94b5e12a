package threepid

import (
	"testing"
	"unicode"
)

func TestFold(t *testing.T) {
	tests := []struct{ input, want string }{
		{"ABC", "abc"}, {"ß", "ss"}, {"ẞ", "ss"}, {"ς", "σ"}, {"Σ", "σ"}, {"ﬁ", "fi"}, {"İ", "i\u0307"}, {"I", "i"}, {"ı", "ı"},
		{"Ꭰ", "Ꭰ"}, {"ꭰ", "Ꭰ"}, {"ᏸ", "Ᏸ"}, {"Ᏽ", "Ᏽ"}, {"ꮿ", "Ꮿ"}, {"ΐ", "ι\u0308\u0301"}, {"日本", "日本"},
	}
	for _, test := range tests {
		if got := fold(test.input); got != test.want {
			t.Errorf("fold(%q) = %q, want %q", test.input, got, test.want)
		}
	}
}

func TestFoldTwiceIsFoldOnce(t *testing.T) {
	for r := range unicode.MaxRune + 1 {
		once := fold(string(r))
		if twice := fold(once); twice != once {
			t.Errorf("fold(%q) = %q, and folded again %q", r, once, twice)
		}
	}
}

func TestFoldJoinsWhatDiffersInCaseOnly(t *testing.T) {
	for r := range unicode.MaxRune + 1 {
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			if sharpS := r == 'ß' || r == 'ẞ'; !sharpS && fold(string(r)) != fold(string(other)) {
				t.Errorf("fold(%q) = %q, fold(%q) = %q, want the same", r, fold(string(r)), other, fold(string(other)))
			}
		}
	}
}
