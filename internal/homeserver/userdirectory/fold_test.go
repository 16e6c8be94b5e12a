package userdirectory

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// Folding again changes nothing, and somebody is found by the name that they have.
func FuzzFold(f *testing.F) {
	for _, text := range []string{"", "Zoë", "ẞ", "ǰ", "İstanbul", "Σίσυφος", "山田太郎", "\u1fbc", "ﬃ", "a\u0345", "\xff", "@a:b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		once := fold(text)
		if again := fold(once); again != once {
			t.Fatalf("fold(%q) = %q, and again %q", text, once, again)
		}
		all := words(once)
		if slices.Contains(all, "") || slices.ContainsFunc(all, func(w string) bool { return strings.ContainsAny(w, " \t\n") }) {
			t.Fatalf("words(%q) = %q", once, all)
		}
		if len(text) > maxName || len(all) == 0 {
			return
		}
		p := &person{local: newLabel("", ""), folded: "x:hs.test"}
		if q := newTerm(text); q.id == "" && q.fits(p, newLabel(text, "")) == noMatch {
			t.Fatalf("%q does not find itself", text)
		}
	})
}
