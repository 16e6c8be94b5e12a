package filter

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Fields are the members of events that a client wants, as a tree of names: one that has
// none below it is wanted whole. The zero value wants all.
type Fields map[string]Fields

// ParseFields reads dot-separated property paths (appendices, "Dot-separated property
// paths"): a backslash before a dot or a backslash makes it part of a name.
func ParseFields(paths []string) Fields {
	var all Fields
	for _, path := range paths {
		if all == nil {
			all = Fields{}
		}
		all.add(names(path))
	}
	return all
}

// add adds a path. What is wanted whole stays so.
func (f Fields) add(path []string) {
	for i, name := range path {
		below, there := f[name]
		switch {
		case i == len(path)-1:
			f[name] = nil
		case there && below == nil:
			return
		case !there:
			below = Fields{}
			f[name] = below
		}
		f = below
	}
}

// names are those of a path.
func names(path string) []string {
	var found []string
	var name strings.Builder
	for i := 0; i < len(path); i++ {
		switch {
		case path[i] == '\\' && i+1 < len(path) && (path[i+1] == '.' || path[i+1] == '\\'):
			i++
			name.WriteByte(path[i])
		case path[i] == '.':
			found = append(found, name.String())
			name.Reset()
		default:
			name.WriteByte(path[i])
		}
	}
	return append(found, name.String())
}

// Append writes of a JSON object what is wanted; an object in which nothing is wanted is
// left out. What is no object is written as it is.
func (f Fields) Append(to, object []byte) []byte {
	if f == nil {
		return append(to, object...)
	}
	d := jsontext.NewDecoder(bytes.NewReader(object), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	chosen, err := f.choose(append(to, '{'), d)
	if err != nil {
		return append(to, object...)
	}
	return append(chosen, '}')
}

// choose writes the wanted members of the object that comes next.
func (f Fields) choose(to []byte, d *jsontext.Decoder) ([]byte, error) {
	if _, err := d.ReadToken(); err != nil {
		return to, err
	}
	for begin := len(to); d.PeekKind() != '}'; {
		token, err := d.ReadToken()
		if err != nil {
			return to, err
		}
		name := token.String() // before what comes next is looked at
		below, wanted := f[name]
		switch kind := d.PeekKind(); {
		case !wanted, below != nil && kind != '{':
			err = d.SkipValue()
		default:
			to, err = below.member(to, begin, name, d)
		}
		if err != nil {
			return to, err
		}
	}
	_, err := d.ReadToken()
	return to, err
}

// member writes a member of an object whose members begin at a place: whole, or what is
// wanted of it.
func (f Fields) member(to []byte, begin int, name string, d *jsontext.Decoder) ([]byte, error) {
	mark := len(to)
	if mark > begin {
		to = append(to, ',')
	}
	to, err := jsontext.AppendQuote(to, name)
	if err != nil {
		return to, err
	}
	to = append(to, ':')
	if f == nil {
		value, err := d.ReadValue()
		return append(to, value...), err
	}
	to = append(to, '{')
	inside := len(to)
	if to, err = f.choose(to, d); err != nil || len(to) == inside {
		return to[:mark], err
	}
	return append(to, '}'), nil
}
