package event

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// text copies a string, with no escape but those that canonical JSON needs. That the
// input is UTF-8 is known.
func (c *canonicaliser) text() error {
	c.out = append(c.out, '"')
	c.pos++
	for from := c.pos; ; {
		switch b := c.peek(); {
		case b == '"':
			c.out = append(append(c.out, c.in[from:c.pos]...), '"')
			c.pos++
			return nil
		case b == '\\':
			c.out = append(c.out, c.in[from:c.pos]...)
			if err := c.escape(); err != nil {
				return err
			}
			from = c.pos
		case b < ' ':
			return ErrJSON
		default:
			c.pos++
		}
	}
}

// escape reads one escape sequence and writes the character it stands for.
func (c *canonicaliser) escape() error {
	c.pos++
	b := c.peek()
	c.pos++
	switch b {
	case '"', '\\', '/':
		c.out = appendRune(c.out, rune(b))
	case 'b':
		c.out = appendRune(c.out, '\b')
	case 'f':
		c.out = appendRune(c.out, '\f')
	case 'n':
		c.out = appendRune(c.out, '\n')
	case 'r':
		c.out = appendRune(c.out, '\r')
	case 't':
		c.out = appendRune(c.out, '\t')
	case 'u':
		return c.unicode()
	default:
		return ErrJSON
	}
	return nil
}

// unicode reads the digits of \uXXXX, and the second half of a surrogate pair. Half a
// pair is no character and has no UTF-8.
func (c *canonicaliser) unicode() error {
	r, ok := c.hex()
	if ok && utf16.IsSurrogate(r) {
		ok = c.peek() == '\\'
		c.pos++
		ok = ok && c.peek() == 'u'
		c.pos++
		low, lowOK := c.hex()
		r = utf16.DecodeRune(r, low)
		ok = ok && lowOK && r != utf8.RuneError
	}
	if !ok {
		return ErrJSON
	}
	c.out = appendRune(c.out, r)
	return nil
}

func (c *canonicaliser) hex() (rune, bool) {
	if c.pos+4 > len(c.in) {
		return 0, false
	}
	var r rune
	for _, b := range c.in[c.pos : c.pos+4] {
		digit, ok := hexDigit(b)
		if !ok {
			return 0, false
		}
		r = r<<4 | digit
	}
	c.pos += 4
	return r, true
}

func hexDigit(b byte) (rune, bool) {
	switch {
	case isDigit(b):
		return rune(b - '0'), true
	case 'a' <= b && b <= 'f':
		return rune(b-'a') + 10, true
	case 'A' <= b && b <= 'F':
		return rune(b-'A') + 10, true
	}
	return 0, false
}

// appendRune writes a character as it stands in a canonical string.
func appendRune(out []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(out, '\\', byte(r))
	case '\b':
		return append(out, '\\', 'b')
	case '\f':
		return append(out, '\\', 'f')
	case '\n':
		return append(out, '\\', 'n')
	case '\r':
		return append(out, '\\', 'r')
	case '\t':
		return append(out, '\\', 't')
	}
	if r < ' ' {
		return append(out, '\\', 'u', '0', '0', '0'+byte(r>>4), "0123456789abcdef"[r&0xf])
	}
	return utf8.AppendRune(out, r)
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// number copies a number. Negative zero, which canonical JSON forbids, becomes zero
// where it is not refused.
func (c *canonicaliser) number() error {
	from := c.pos
	integer, ok := c.scanNumber()
	if !ok {
		return ErrJSON
	}
	text := c.in[from:c.pos]
	if c.strict && !(integer && isSafe(text)) {
		return ErrCanonical
	}
	if string(text) == "-0" {
		text = text[1:]
	}
	c.out = append(c.out, text...)
	return nil
}

// scanNumber moves behind a number and tells whether it has neither fraction nor
// exponent.
func (c *canonicaliser) scanNumber() (integer, ok bool) {
	if c.peek() == '-' {
		c.pos++
	}
	if c.peek() == '0' {
		c.pos++
	} else if c.digits() == 0 {
		return false, false
	}
	integer = true
	if c.peek() == '.' {
		c.pos++
		if integer = false; c.digits() == 0 {
			return false, false
		}
	}
	if b := c.peek(); b == 'e' || b == 'E' {
		c.pos++
		if b := c.peek(); b == '+' || b == '-' {
			c.pos++
		}
		if integer = false; c.digits() == 0 {
			return false, false
		}
	}
	return integer, true
}

func (c *canonicaliser) digits() int {
	from := c.pos
	for isDigit(c.peek()) {
		c.pos++
	}
	return c.pos - from
}

// maxSafe is the largest integer of canonical JSON.
const maxSafe = 1<<53 - 1

func isSafe(text []byte) bool {
	n, err := strconv.ParseInt(string(text), 10, 64)
	return err == nil && -maxSafe <= n && n <= maxSafe && string(text) != "-0"
}
