package locale

import "golang.org/x/text/feature/plural"

// formNames are the names that CLDR gives to the plural forms.
var formNames = map[string]plural.Form{
	"zero":  plural.Zero,
	"one":   plural.One,
	"two":   plural.Two,
	"few":   plural.Few,
	"many":  plural.Many,
	"other": plural.Other,
}

// form is the plural form that n things take (CLDR, cardinal numbers).
func (l Language) form(n int64) plural.Form {
	// The rules look at no more than the last seven digits, but must see that there
	// are more: ten million is not zero.
	const enough = 10_000_000
	size := uint64(n)
	if n < 0 {
		size = -size
	}
	if size >= enough {
		size = enough + size%enough
	}
	return plural.Cardinal.MatchPlural(l.Tag(), int(size), 0, 0, 0, 0)
}

// forms are the plural forms that a phrase needs in the language: those that whole
// numbers take, for nothing else is counted, and "other", which CLDR asks of all.
func (l Language) forms() map[plural.Form]bool {
	needed := map[plural.Form]bool{plural.Other: true}
	for n := range int64(200) {
		needed[l.form(n)] = true
	}
	return needed
}

func formName(form plural.Form) string {
	for name, f := range formNames {
		if f == form {
			return name
		}
	}
	return ""
}
