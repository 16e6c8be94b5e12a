package event

import "bytes"

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
	for {
		n := bytes.IndexByte(s.in[s.pos:], '"')
		if n < 0 {
			return nil, ErrJSON
		}
		s.pos += n + 1
		if !endsEscaping(s.in[from : s.pos-1]) {
			return s.in[from:s.pos:s.pos], nil
		}
	}
}

// endsEscaping tells whether what follows a part of a string is escaped.
func endsEscaping(part []byte) bool {
	return (len(part)-len(bytes.TrimRight(part, `\`)))%2 == 1
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
