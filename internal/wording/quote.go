package wording

import (
	"regexp"
	"strings"
	"unicode"
)

// maxQuoted is how much of a stranger's name is quoted, in characters.
const maxQuoted = 100

// joiner is U+2060, a word joiner: it is not seen and breaks no line.
const joiner = "\u2060"

// Quote makes a name that a stranger chose harmless in an e-mail: Matrix ids and
// server names look like addresses, and mail programs turn what looks like one into
// a link. It parts them where such programs look, before a mark as well as after it,
// because joiners inside of a host's name are left out when it is looked up. What is
// not seen, or turns the line, or breaks it, is replaced, and so are the spaces of a
// Matrix id, which would make a sentence of it. A run of digits as long as a phone number
// is left out: it would ask to be called.
func Quote(name string) string {
	name = phoneLike.ReplaceAllString(name, "…")
	var b strings.Builder
	n, last := 0, rune(0)
	for _, r := range name {
		if n++; n > maxQuoted {
			b.WriteString("…")
			break
		}
		switch {
		case strings.ContainsRune("TtWw", r) && strings.ContainsRune("TtWw", last):
			b.WriteString(joiner + string(r)) // "http" and "www"
		case strings.ContainsRune(linkMarks, r):
			b.WriteString(joiner + string(r) + joiner)
		case r == ' ' && name[0] != '@':
			b.WriteRune(r)
		case !unicode.IsGraphic(r) || unicode.IsSpace(r):
			b.WriteRune(unicode.ReplacementChar)
		default:
			b.WriteRune(r)
		}
		last = r
	}
	return b.String()
}

// phoneLike is seven digits or more, with the signs between them that people write.
var phoneLike = regexp.MustCompile(`\+?\d(?:[-_ ()]{0,2}\d){6,}`)

// linkMarks are the characters that make a link of what stands around them. IDNA
// reads the other full stops as one too (UTS #46).
const linkMarks = ".:@/\\。．｡"
