package entry

import (
	"strings"
	"unicode"
)

// together are the scripts that one word is rightly written in (UTS 39, section 5.2,
// "Highly Restrictive").
var together = [][]*unicode.RangeTable{
	{unicode.Latin, unicode.Han, unicode.Hiragana, unicode.Katakana},
	{unicode.Latin, unicode.Han, unicode.Bopomofo},
	{unicode.Latin, unicode.Han, unicode.Hangul},
}

// MixesScripts tells whether the local part, or a label of the domain, has letters of
// scripts that are not written together, such as a Cyrillic а among Latin letters.
// Such a label is somebody's own and stays distinct from the one it looks like;
// whoever shows it to a person should say so.
func (l Label) MixesScripts() bool {
	parts := strings.FieldsFunc(l.Address(), func(r rune) bool { return strings.ContainsRune("@.:", r) })
	for _, part := range parts {
		if mixed(part) {
			return true
		}
	}
	return false
}

func mixed(part string) bool {
	scripts := map[*unicode.RangeTable]bool{}
	for _, r := range part {
		if s := script(r); s != nil {
			scripts[s] = true
		}
	}
	if len(scripts) < 2 {
		return false
	}
	for _, allowed := range together {
		if within(scripts, allowed) {
			return false
		}
	}
	return true
}

// script is the script of r, nil for what all scripts have in common.
func script(r rune) *unicode.RangeTable {
	if unicode.In(r, unicode.Common, unicode.Inherited) {
		return nil
	}
	for _, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return table
		}
	}
	return nil
}

func within(scripts map[*unicode.RangeTable]bool, allowed []*unicode.RangeTable) bool {
	found := 0
	for _, table := range allowed {
		if scripts[table] {
			found++
		}
	}
	return found == len(scripts)
}
