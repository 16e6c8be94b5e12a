package event

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// object is a canonical JSON object, cut into its members. They are slices of one
// buffer or of several, and are not changed.
type object []member

type member struct {
	key   []byte // quoted
	value []byte
}

func (m member) is(name string) bool { return string(m.key[1:len(m.key)-1]) == name }

// split cuts a canonical object. What is not one is ErrJSON, and is found out as far as
// the cuts need it.
func split(canonical []byte) (object, error) {
	var members object
	err := eachMember(canonical, func(m member, _ int) error {
		if members == nil {
			members = make(object, 0, 14) // as many as most events have
		}
		members = append(members, m)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return members, nil
}

// find is the value of a member, nil if there is none of that name.
func (o object) find(name string) []byte {
	for _, m := range o {
		if m.is(name) {
			return m.value
		}
	}
	return nil
}

// without is the object less some of its members.
func (o object) without(names ...string) object {
	return o.only(func(name string) bool { return !slices.Contains(names, name) })
}

func (o object) only(keep func(name string) bool) object {
	kept := make(object, 0, len(o))
	for _, m := range o {
		if keep(string(m.key[1 : len(m.key)-1])) {
			kept = append(kept, m)
		}
	}
	return kept
}

// with is the object with a member more, or with another value for it.
func (o object) with(name string, value []byte) object {
	key := []byte(`"` + name + `"`)
	at, found := slices.BinarySearchFunc(o, key, func(m member, key []byte) int { return compareKeys(m.key, key) })
	set := append(make(object, 0, len(o)+1), o...)
	if found {
		set[at].value = value
		return set
	}
	return slices.Insert(set, at, member{key: key, value: value})
}

// append writes the object.
func (o object) append(to []byte) []byte {
	to = append(to, '{')
	for i, m := range o {
		if i > 0 {
			to = append(to, ',')
		}
		to = append(append(append(to, m.key...), ':'), m.value...)
	}
	return append(to, '}')
}

// bytes is the object as JSON, in a buffer that holds nothing else.
func (o object) bytes() []byte {
	size := 1
	for _, m := range o {
		size += len(m.key) + len(m.value) + 2
	}
	return o.append(make([]byte, 0, max(size, 2)))
}

// unquoted is what a quoted string of canonical JSON spells, nothing if it is none.
func unquoted(quoted []byte) []byte {
	if !isText(quoted) || len(quoted) < 2 {
		return nil
	}
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	text, _ := jsontext.AppendUnquote(nil, quoted)
	return text
}

func isText(value []byte) bool   { return len(value) > 0 && value[0] == '"' }
func isObject(value []byte) bool { return len(value) > 0 && value[0] == '{' }
func isArray(value []byte) bool  { return len(value) > 0 && value[0] == '[' }
