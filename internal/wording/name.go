package wording

import (
	"strings"
	"unicode"
)

// maxMarks is how many marks a character may carry in a name: as many as languages need.
const maxMarks = 3

// Name makes one short line of a name that a stranger chose: of most characters at most,
// what is cut off shown by "…". What is not seen, turns the line or breaks it is left out.
// Name of what Name gives is the same.
func Name(s string, most int) string {
	line := visible(s)
	runes := []rune(line)
	if len(runes) <= most {
		return line
	}
	end := most - 1
	for end > 0 && unicode.Is(unicode.M, runes[end]) { // a character keeps its marks
		end--
	}
	return strings.TrimRight(string(runes[:end]), " ") + "…"
}

// visible is what is seen of s, in words that stand one space apart.
func visible(s string) string {
	var b strings.Builder
	marks, space := maxMarks, false // no mark without a character before it
	for _, r := range strings.ToValidUTF8(s, "") {
		switch {
		case unicode.IsSpace(r):
			space = b.Len() > 0
			marks = maxMarks
		case !unicode.IsGraphic(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
		case unicode.Is(unicode.M, r):
			if marks++; marks <= maxMarks {
				b.WriteRune(r)
			}
		default:
			if space {
				b.WriteByte(' ')
			}
			b.WriteRune(r)
			marks, space = 0, false
		}
	}
	return b.String()
}

// NoID is a name without what would make it, or its end, look like somebody else's Matrix
// id beside the true one.
func NoID(name string) string { return strings.TrimSpace(idMarks.Replace(name)) }

var idMarks = strings.NewReplacer("(", " ", ")", " ", "（", " ", "）", " ", "@", " ", "＠", " ", "﹫", " ")
