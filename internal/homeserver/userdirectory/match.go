package userdirectory

import (
	"slices"
	"strings"
)

// rank is how well somebody fits what is searched for, none at 0.
type rank int

const (
	noMatch    rank = iota
	byPrefixes      // each word begins one of theirs
	byWords         // each word is one of theirs
	byStart         // their name or localpart begins with all of it
	byName          // it is their name or localpart
	byID            // it is their user id
)

// term is what is searched for, folded.
type term struct {
	whole string   // words with one space between each two
	words []string // none: nobody fits
	id    string   // a user id, or its beginning with all of the localpart, without the @
}

func newTerm(text string) term {
	folded := strings.TrimSpace(fold(text))
	t := term{words: words(folded)}
	t.whole = strings.Join(t.words, " ")
	if id := strings.TrimPrefix(folded, "@"); strings.Contains(id, ":") && !strings.ContainsAny(id, " \t\n") {
		t.id = id
	}
	return t
}

// label is a name that somebody has, with their avatar.
type label struct {
	name, avatar string
	whole        string // folded
	words        []string
}

// The bounds of what is kept of a label, in octets; the specification bounds events only.
const (
	maxName   = 512
	maxAvatar = 1000
)

func newLabel(name, avatar string) *label {
	if len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName], "")
	}
	if len(avatar) > maxAvatar {
		avatar = ""
	}
	l := &label{name: strings.Clone(name), avatar: strings.Clone(avatar)}
	l.words = words(fold(name))
	l.whole = strings.Join(l.words, " ")
	return l
}

// fits ranks somebody by their user id and, if they have one, a name.
func (t term) fits(p *person, l *label) rank {
	if t.id != "" {
		return t.fitsID(p)
	}
	best := noMatch
	if len(t.words) == 0 {
		return best
	}
	best = max(best, t.fitsWhole(p.local.whole))
	names := p.local.words
	if l != nil {
		best = max(best, t.fitsWhole(l.whole))
	}
	if best > noMatch {
		return best
	}
	best = byWords
	for _, word := range t.words {
		if best = min(best, fitsWord(word, names, l)); best == noMatch {
			break
		}
	}
	return best
}

func (t term) fitsID(p *person) rank {
	switch {
	case p.folded == t.id:
		return byID
	case strings.HasPrefix(p.folded, t.id):
		return byStart
	}
	return noMatch
}

func (t term) fitsWhole(whole string) rank {
	switch {
	case whole == t.whole:
		return byName
	case strings.HasPrefix(whole, t.whole):
		return byStart
	}
	return noMatch
}

// fitsWord ranks one word among those of a user id and a name.
func fitsWord(word string, names []string, l *label) rank {
	best := fitsOneOf(word, names)
	if l != nil {
		best = max(best, fitsOneOf(word, l.words))
	}
	return best
}

func fitsOneOf(word string, all []string) rank {
	if slices.Contains(all, word) {
		return byWords
	}
	if slices.ContainsFunc(all, func(w string) bool { return strings.HasPrefix(w, word) }) {
		return byPrefixes
	}
	return noMatch
}
