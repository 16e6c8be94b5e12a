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

// eachMember visits the members of a canonical object, each with the place of its value,
// until there is an error.
func eachMember(canonical []byte, visit func(m member, at int) error) error {
	s := scanner{in: canonical}
	return s.all('{', '}', func() error {
		key, err := s.quoted()
		if err != nil || s.take() != ':' {
			return ErrJSON
		}
		at := s.pos
		if err := s.value(); err != nil {
			return err
		}
		return visit(member{key, canonical[at:s.pos:s.pos]}, at)
	})
}

// eachElement visits the elements of a canonical array, until there is an error.
func eachElement(canonical []byte, visit func(value []byte) error) error {
	s := scanner{in: canonical}
	return s.all('[', ']', func() error {
		at := s.pos
		if err := s.value(); err != nil {
			return err
		}
		return visit(canonical[at:s.pos:s.pos])
	})
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

// scanner finds where the values of canonical JSON end. Brackets are counted, not
// matched: what it reads was written by us.
type scanner struct {
	in  []byte
	pos int
}

// take is the next octet, 0 at the end.
func (s *scanner) take() byte {
	if s.pos >= len(s.in) {
		return 0
	}
	s.pos++
	return s.in[s.pos-1]
}

// all reads a list of elements that is everything there is.
func (s *scanner) all(open, end byte, element func() error) error {
	if err := s.list(open, end, element); err != nil {
		return err
	}
	if s.pos != len(s.in) {
		return ErrJSON
	}
	return nil
}

func (s *scanner) list(open, end byte, element func() error) error {
	if s.take() != open {
		return ErrJSON
	}
	if s.pos < len(s.in) && s.in[s.pos] == end {
		s.pos++
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		switch s.take() {
		case ',':
		case end:
			return nil
		default:
			return ErrJSON
		}
	}
}

func (s *scanner) quoted() ([]byte, error) {
	from := s.pos
	if s.take() != '"' {
		return nil, ErrJSON
	}
	for s.pos < len(s.in) {
		switch s.take() {
		case '\\':
			s.take()
		case '"':
			return s.in[from:s.pos:s.pos], nil
		}
	}
	return nil, ErrJSON
}

func (s *scanner) value() error {
	for depth := 0; s.pos < len(s.in); {
		switch s.in[s.pos] {
		case '"':
			if _, err := s.quoted(); err != nil {
				return err
			}
		case '{', '[':
			depth++
			s.pos++
			continue
		case '}', ']':
			depth--
			s.pos++
		case ',', ':':
			s.pos++
			continue
		default:
			s.word()
		}
		if depth <= 0 {
			return nil
		}
	}
	return ErrJSON
}

// word moves behind a number, true, false or null.
func (s *scanner) word() {
	for s.pos < len(s.in) && bytes.IndexByte([]byte(`,:{}[]"`), s.in[s.pos]) < 0 {
		s.pos++
	}
}
