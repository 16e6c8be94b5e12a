package event

import (
	"bytes"
	"errors"
	"slices"
	"unicode/utf8"
)

// Errors of text that is not JSON as events may have it.
var (
	ErrJSON      = errors.New("event is not valid JSON")
	ErrCanonical = errors.New("event has a number that canonical JSON does not allow")
	ErrDuplicate = errors.New("event has an object that names a member twice")
	ErrNesting   = errors.New("event is nested too deeply")
	ErrTooLarge  = errors.New("event is larger than 65536 bytes")
)

// maxNesting bounds recursion. The specification sets no bound; the JSON parsers of the
// field stop at about this depth.
const maxNesting = 1000

// canonicaliser writes JSON in its canonical form (specification, appendices, "Canonical
// JSON") in one pass over its input: members are written as they come, and put in order
// when their object ends and only if they were not.
type canonicaliser struct {
	in      []byte
	pos     int
	out     []byte
	max     int      // octets of out
	strict  bool     // integers within ±(2^53-1) only
	drop    []string // members of the outermost object to leave out
	depth   int
	spans   []span // members of the objects being written, a stack
	scratch []byte
}

// span is a member in out: its key starts at key with a quotation mark and ends before
// the colon at colon; its value ends at end.
type span struct{ key, colon, end int }

// Canonical is the canonical form of a JSON object of at most 65,536 octets. A member
// named twice is refused in every version: one reader could take the first and another
// the last. Numbers beyond canonical JSON are refused if strict, else kept as they stand,
// since that is what their author hashed.
func Canonical(object []byte, strict bool) ([]byte, error) {
	return canonicalWithout(nil, object, strict)
}

func canonicalWithout(drop []string, object []byte, strict bool) ([]byte, error) {
	c := canonicaliser{in: object, max: maxSize, strict: strict, drop: drop, out: make([]byte, 0, min(len(object), maxSize))}
	c.space()
	if !utf8.Valid(object) || c.peek() != '{' {
		return nil, ErrJSON
	}
	if err := c.object(); err != nil {
		return nil, err
	}
	c.space()
	if c.pos != len(c.in) {
		return nil, ErrJSON
	}
	if len(c.out) > maxSize {
		return nil, ErrTooLarge
	}
	return c.out, nil
}

// peek is the next octet, 0 at the end: no JSON goes on with that.
func (c *canonicaliser) peek() byte {
	if c.pos < len(c.in) {
		return c.in[c.pos]
	}
	return 0
}

func (c *canonicaliser) space() {
	for c.pos < len(c.in) {
		switch c.in[c.pos] {
		case ' ', '\t', '\n', '\r':
			c.pos++
		default:
			return
		}
	}
}

// next reads one octet that must be there, and the space around it.
func (c *canonicaliser) next(want byte) error {
	c.space()
	if c.peek() != want {
		return ErrJSON
	}
	c.pos++
	c.space()
	return nil
}

func (c *canonicaliser) value() error {
	if len(c.out) > c.max {
		return ErrTooLarge
	}
	switch b := c.peek(); {
	case b == '{':
		return c.object()
	case b == '[':
		return c.array()
	case b == '"':
		return c.text()
	case b == '-' || isDigit(b):
		return c.number()
	}
	return c.literal()
}

func (c *canonicaliser) literal() error {
	for _, word := range []string{"true", "false", "null"} {
		if bytes.HasPrefix(c.in[c.pos:], []byte(word)) {
			c.pos += len(word)
			c.out = append(c.out, word...)
			return nil
		}
	}
	return ErrJSON
}

// sequence reads what stands between two brackets, element by element.
func (c *canonicaliser) sequence(open, end byte, element func() error) error {
	if c.depth++; c.depth > maxNesting {
		return ErrNesting
	}
	if err := c.next(open); err != nil {
		return err
	}
	for first := true; c.peek() != end; first = false {
		if !first {
			if err := c.next(','); err != nil {
				return err
			}
		}
		if err := element(); err != nil {
			return err
		}
		c.space()
	}
	c.pos++
	c.depth--
	return nil
}

func (c *canonicaliser) array() error {
	c.out = append(c.out, '[')
	start := len(c.out)
	err := c.sequence('[', ']', func() error {
		if len(c.out) > start {
			c.out = append(c.out, ',')
		}
		return c.value()
	})
	c.out = append(c.out, ']')
	return err
}

func (c *canonicaliser) object() error {
	c.out = append(c.out, '{')
	first := len(c.spans)
	if err := c.sequence('{', '}', c.member); err != nil {
		return err
	}
	err := c.order(c.spans[first:])
	c.spans = c.spans[:first]
	c.out = append(c.out, '}')
	return err
}

func (c *canonicaliser) member() error {
	start := len(c.out)
	if c.out[start-1] != '{' {
		c.out = append(c.out, ',')
	}
	key := len(c.out)
	if c.peek() != '"' {
		return ErrJSON
	}
	if err := c.text(); err != nil {
		return err
	}
	if c.depth == 1 && slices.Contains(c.drop, string(c.out[key+1:len(c.out)-1])) {
		return c.skip(start)
	}
	colon := len(c.out)
	c.out = append(c.out, ':')
	if err := c.next(':'); err != nil {
		return err
	}
	if err := c.value(); err != nil {
		return err
	}
	c.spans = append(c.spans, span{key, colon, len(c.out)})
	return nil
}

// skip reads the value of a member that is not wanted, which need not be canonical, and
// forgets all that was written since start.
func (c *canonicaliser) skip(start int) error {
	if err := c.next(':'); err != nil {
		return err
	}
	strict, limit := c.strict, c.max
	c.strict, c.max = false, len(c.in)+len(c.out)
	err := c.value()
	c.strict, c.max = strict, limit
	c.out = c.out[:start]
	return err
}

// order puts the members of the object that ends out in the order of their keys.
func (c *canonicaliser) order(members []span) error {
	compare := func(a, b span) int { return compareKeys(c.out[a.key:a.colon], c.out[b.key:b.colon]) }
	if !slices.IsSortedFunc(members, compare) {
		start := members[0].key
		slices.SortFunc(members, compare)
		c.scratch = c.scratch[:0]
		for i, m := range members {
			if i > 0 {
				c.scratch = append(c.scratch, ',')
			}
			at := start + len(c.scratch)
			c.scratch = append(c.scratch, c.out[m.key:m.end]...)
			members[i] = span{at, at + m.colon - m.key, at + m.end - m.key}
		}
		c.out = append(c.out[:start], c.scratch...)
	}
	for i := 1; i < len(members); i++ {
		if compare(members[i-1], members[i]) == 0 {
			return ErrDuplicate
		}
	}
	return nil
}

// compareKeys orders two keys, quoted as they stand in canonical JSON, by code points,
// which for UTF-8 is the order of octets.
func compareKeys(a, b []byte) int {
	if bytes.IndexByte(a, '\\') < 0 && bytes.IndexByte(b, '\\') < 0 {
		return bytes.Compare(a[1:len(a)-1], b[1:len(b)-1])
	}
	return bytes.Compare(unquoted(a), unquoted(b))
}
