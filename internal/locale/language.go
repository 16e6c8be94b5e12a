package locale

import (
	"fmt"

	"golang.org/x/text/language"
)

// Language is a language that Signet speaks. The zero value is English.
type Language uint8

// The languages, in the order of a menu.
const (
	English Language = iota
	German
	French
	Spanish
	Portuguese
	Italian
	Russian
	Arabic
	Chinese // in simplified characters
	Japanese
	count
)

// known describes each language. Numbers are formatted for its numbers tag: those in
// Arabic are written with the digits 0 to 9, as the codes beside them are, which are
// typed as they stand.
var known = [count]struct {
	tag, numbers, native string
	rightToLeft          bool
}{
	English:    {tag: "en", numbers: "en", native: "English"},
	German:     {tag: "de", numbers: "de", native: "Deutsch"},
	French:     {tag: "fr", numbers: "fr", native: "Français"},
	Spanish:    {tag: "es", numbers: "es", native: "Español"},
	Portuguese: {tag: "pt", numbers: "pt", native: "Português"},
	Italian:    {tag: "it", numbers: "it", native: "Italiano"},
	Russian:    {tag: "ru", numbers: "ru", native: "Русский"},
	Arabic:     {tag: "ar", numbers: "ar-u-nu-latn", native: "العربية", rightToLeft: true},
	Chinese:    {tag: "zh", numbers: "zh", native: "简体中文"},
	Japanese:   {tag: "ja", numbers: "ja", native: "日本語"},
}

// Languages lists every language, English first.
func Languages() []Language {
	all := make([]Language, count)
	for i := range all {
		all[i] = Language(i)
	}
	return all
}

// ParseLanguage is the inverse of String. For what people and browsers ask for, see
// Match.
func ParseLanguage(tag string) (Language, error) {
	for l, k := range known {
		if k.tag == tag {
			return Language(l), nil
		}
	}
	return English, fmt.Errorf("%.20q is not the tag of a language that Signet speaks", tag)
}

// String is the language's tag (BCP 47), as in the lang attribute of HTML.
func (l Language) String() string { return known[l].tag }

// Tag is the language's tag.
func (l Language) Tag() language.Tag { return tags[l] }

// Name is what the language calls itself.
func (l Language) Name() string { return known[l].native }

// Direction is "ltr" or "rtl", as in the dir attribute of HTML.
func (l Language) Direction() string {
	if known[l].rightToLeft {
		return "rtl"
	}
	return "ltr"
}

// MarshalText writes the language's tag.
func (l Language) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads a tag as ParseLanguage does.
func (l *Language) UnmarshalText(tag []byte) (err error) {
	*l, err = ParseLanguage(string(tag))
	return err
}
