package push

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// glob is a pattern in which * stands for any characters and ? for one (appendices,
// "Glob-style matching"). Case makes no difference. It is matched by walking along the
// text once with the set of all places in the pattern where that may have come to: the
// pattern and the text are strangers', and no pair of them may take long.
type glob struct {
	stays  places // where a * lets any character pass
	end    int    // the place behind the last character
	leaves []places
	// leaving is which of leaves a character of the pattern has, ascii the same for those
	// that are most of what people write. The first, of all others, is that of each ?.
	leaving map[rune]uint8
	ascii   [utf8.RuneSelf]uint8
}

// places are places in a pattern, by how many of its characters but * stand before them.
type places [(maxText + 1) / 64]uint64

func (p *places) add(at int)      { p[at/64] |= 1 << (at % 64) }
func (p *places) has(at int) bool { return p[at/64]>>(at%64)&1 == 1 }

func (p *places) join(others places) {
	for i := range p {
		p[i] |= others[i]
	}
}

// newGlob is false for a pattern that is too long.
func newGlob(pattern string) (g glob, ok bool) {
	if len(pattern) > maxText {
		return glob{}, false
	}
	g.leaves, g.leaving = make([]places, 1), map[rune]uint8{}
	for _, r := range pattern {
		switch r {
		case '*':
			g.stays.add(g.end)
			continue
		case '?':
			g.leaves[0].add(g.end)
		default:
			g.leaves[g.of(folded(r))].add(g.end)
		}
		g.end++
	}
	for i := range g.leaves {
		g.leaves[i].join(g.leaves[0])
	}
	return g, true
}

// of is which of leaves is to be a character's own.
func (g *glob) of(r rune) uint8 {
	i, known := g.leaving[r]
	if !known {
		i = uint8(len(g.leaves)) // of 255 characters at most
		g.leaves = append(g.leaves, places{})
		g.leaving[r] = i
		if r < utf8.RuneSelf {
			g.ascii[r] = i
		}
	}
	return i
}

// left is the places that a character leaves.
func (g *glob) left(by rune) *places {
	if by < utf8.RuneSelf {
		return &g.leaves[g.ascii[by]]
	}
	return &g.leaves[g.leaving[by]]
}

// after is where the text has come to with its next character.
func (g *glob) after(here places, next rune) (there places) {
	left, carry := g.left(folded(next)), uint64(0)
	for i := range here {
		moved := here[i] & left[i]
		there[i] = moved<<1 | carry | here[i]&g.stays[i]
		carry = moved >> 63
	}
	return there
}

// wholly tells whether the pattern is the whole of a text.
func (g *glob) wholly(text string) bool {
	var here places
	here.add(0)
	for _, r := range text {
		if here = g.after(here, r); here == (places{}) {
			return false
		}
	}
	return here.has(g.end)
}

// inWords tells whether the pattern occurs in a text so that it begins and ends at a word
// boundary.
func (g *glob) inWords(text string) bool {
	var here places
	boundary := true // before the next character
	for at, r := range text {
		if boundary {
			here.add(0)
		}
		boundary = !wordly(text[at])
		if boundary && here.has(g.end) {
			return true
		}
		here = g.after(here, r)
	}
	if boundary {
		here.add(0)
	}
	return here.has(g.end)
}

// folded is a character without its case.
func folded(r rune) rune {
	switch {
	case r >= utf8.RuneSelf:
		return unicode.ToLower(unicode.ToUpper(r))
	case 'A' <= r && r <= 'Z':
		return r + 'a' - 'A'
	}
	return r
}

// wholly matches the whole of a text.
func wholly(pattern string) func(string) bool {
	if !strings.ContainsAny(pattern, "*?") {
		return func(s string) bool { return strings.EqualFold(s, pattern) }
	}
	g, ok := newGlob(pattern)
	return func(s string) bool { return ok && g.wholly(s) }
}

// inWords matches where a pattern begins and ends at a word boundary.
func inWords(pattern string) func(string) bool {
	g, ok := newGlob(pattern)
	return func(s string) bool { return ok && g.inWords(s) }
}

// hasWords tells whether words occur in a text so that they begin and end at a word
// boundary.
func hasWords(text, words string) bool {
	for from := 0; words != ""; {
		at := strings.Index(text[from:], words)
		if at < 0 {
			return false
		}
		at += from
		end := at + len(words)
		if (at == 0 || !wordly(text[at-1])) && (end == len(text) || !wordly(text[end])) {
			return true
		}
		from = at + 1
	}
	return false
}

// wordly is of the first byte of a character: none beyond ASCII belongs to a word.
func wordly(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}
