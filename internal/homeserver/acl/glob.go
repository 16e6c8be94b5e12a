package acl

import (
	"strings"

	"signet/internal/homeserver/event"
)

// globs are patterns in which * stands for any characters and ? for one (appendices,
// "Glob-style matching"), in lower case. They are as many and as nasty as an event holds, and
// are tried for every request: each takes at most as many steps as it has characters, for
// every character of a name.
type globs []string

// maxName is how long the name of a server is: a pattern that asks for more matches none.
const maxName = 255

// globsOf reads a list of patterns. What is no text in it is none.
func globsOf(list event.Value) (all globs) {
	patterns, _ := list.Elements()
	for _, p := range patterns {
		glob, isText := p.Text()
		if glob = tidy(strings.ToLower(glob)); isText && len(glob)-strings.Count(glob, "*") <= maxName {
			all = append(all, glob)
		}
	}
	return all
}

// tidy is a pattern without every * that follows another.
func tidy(glob string) string {
	var b strings.Builder
	for i := range len(glob) {
		if glob[i] != '*' || i == 0 || glob[i-1] != '*' {
			b.WriteByte(glob[i])
		}
	}
	return b.String()
}

// Matches tells whether a pattern matches all of the host of a server, by the rules of the
// patterns in server ACLs.
func Matches(pattern, host string) bool {
	glob := tidy(strings.ToLower(pattern))
	return len(glob)-strings.Count(glob, "*") <= maxName && matches(glob, strings.ToLower(host))
}

// match tells whether one of the patterns matches all of a name, which is ASCII.
func (g globs) match(name string) bool {
	name = strings.ToLower(name)
	for _, glob := range g {
		if matches(glob, name) {
			return true
		}
	}
	return false
}

// matches lets every * take as little as it can, and the last one that was met more where that
// was too little: those before it need not be tried again.
func matches(glob, name string) bool {
	at, star, from := 0, -1, 0 // of the glob, its last *, and what in the name that leaves
	for i := 0; i < len(name); {
		switch {
		case at < len(glob) && glob[at] == '*':
			star, from = at, i
			at++
		case at < len(glob) && (glob[at] == '?' || glob[at] == name[i]):
			at++
			i++
		case star >= 0:
			from++
			at, i = star+1, from
		default:
			return false
		}
	}
	for at < len(glob) && glob[at] == '*' {
		at++
	}
	return at == len(glob)
}
