package wording_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"signet/internal/wording"
)

func TestNamesOfStrangersAreShort(t *testing.T) {
	for name, want := range map[string]string{
		"":                                "",
		" \t\r\n ":                        "",
		"Alice":                           "Alice",
		"  Alice \n  in\tChains ":         "Alice in Chains",
		"Bob's Emporium of Messages":      "Bob's Emporium of M…",
		"exactly twenty chars":            "exactly twenty chars",
		"\u202eevil\u202c":                "evil",
		"\u2066a\u2069\u200f\u200bb":      "ab",
		"x\x00y\x1b[2J":                   "xy[2J",
		"\xff\xfeok":                      "ok",
		"\u0301leading mark":              "leading mark",
		"e\u0301\u0301\u0301\u0301\u0301": "e\u0301\u0301\u0301",
		"\u3164\u3164":                    "", // fillers are letters that nobody sees
		"日本語の部屋":                          "日本語の部屋",
		"aaaaaaaaaaaaaaaaaa e\u0301x":     "aaaaaaaaaaaaaaaaaa…",
	} {
		if got := wording.Name(name, 20); got != want {
			t.Errorf("Name(%q) = %q, want %q", name, got, want)
		}
	}
}

func FuzzName(f *testing.F) {
	for _, name := range []string{"Alice", "a\u0301\u0301\u0301\u0301", "\u202ex", "a\nb", strings.Repeat("e\u0301", 40), "\xff", " ", "👩‍👩‍👧"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := wording.Name(name, 20)
		if again := wording.Name(got, 20); again != got {
			t.Errorf("Name(%q) = %q, and of that %q", name, got, again)
		}
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > 20 || strings.TrimSpace(got) != got {
			t.Errorf("Name(%q) = %q", name, got)
		}
		if strings.ContainsFunc(got, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
			t.Errorf("Name(%q) = %q turns or breaks the line", name, got)
		}
	})
}
