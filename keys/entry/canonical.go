package entry

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// MaxObject is the length of the longest JSON object in octets, of a value as of
	// an entry.
	MaxObject = 16 << 10
	// maxDepth is how deep objects and lists may be nested; signed keys need four.
	maxDepth = 32
	// maxInteger is the greatest number of canonical JSON, 2^53-1.
	maxInteger = 1<<53 - 1
)

// ErrObject is the error of what is not a JSON object in canonical form, of at most
// MaxObject octets.
var ErrObject = errors.New("not an object in canonical JSON")

// CheckObject tells whether JSON is an object in the one form that Matrix signs and
// hashes (specification, appendices, "Canonical JSON"), at most MaxObject octets long
// and nested 32 deep: UTF-8, no blanks, no name twice, names sorted by code point,
// numbers whole and within 2^53, strings escaped only where they must be.
func CheckObject(object []byte) error {
	s := scanner{rest: string(object)}
	if len(object) > MaxObject || !s.object(maxDepth) || s.rest != "" {
		return ErrObject
	}
	return nil
}

// scanner reads canonical JSON from left to right. Each method takes one thing off
// the rest, or is false.
type scanner struct{ rest string }

// skip takes a text off, if it is what comes next.
func (s *scanner) skip(text string) bool {
	rest, found := strings.CutPrefix(s.rest, text)
	s.rest = rest
	return found
}

// value takes a value that may be so deep.
func (s *scanner) value(depth int) bool {
	if s.rest == "" {
		return false
	}
	switch s.rest[0] {
	case '{':
		return s.object(depth)
	case '[':
		return s.list(depth)
	case '"':
		_, ok := s.str()
		return ok
	}
	return s.skip("null") || s.skip("true") || s.skip("false") || s.integer()
}

// object takes an object. Each name is greater than the one before, so none is there
// twice: the order of UTF-8's octets is that of the code points.
func (s *scanner) object(depth int) bool {
	if depth == 0 || !s.skip("{") {
		return false
	}
	if s.skip("}") {
		return true
	}
	for last, first := "", true; ; first = false {
		name, ok := s.str()
		if !ok || !first && name <= last || !s.skip(":") || !s.value(depth-1) {
			return false
		}
		last = name
		if !s.skip(",") {
			return s.skip("}")
		}
	}
}

func (s *scanner) list(depth int) bool {
	if depth == 0 || !s.skip("[") {
		return false
	}
	if s.skip("]") {
		return true
	}
	for s.value(depth - 1) {
		if !s.skip(",") {
			return s.skip("]")
		}
	}
	return false
}

// integer takes a number that is written as Go writes it.
func (s *scanner) integer() bool {
	end := 0
	for end < len(s.rest) && (s.rest[end] == '-' || '0' <= s.rest[end] && s.rest[end] <= '9') {
		end++
	}
	digits := s.rest[:end]
	s.rest = s.rest[end:]
	n, err := strconv.ParseInt(digits, 10, 64)
	return err == nil && strconv.FormatInt(n, 10) == digits && -maxInteger <= n && n <= maxInteger
}

// str takes a string and gives what it says.
func (s *scanner) str() (text string, ok bool) {
	if !s.skip(`"`) {
		return "", false
	}
	var b strings.Builder
	for s.rest != "" {
		if s.skip(`"`) {
			return b.String(), true
		}
		r, ok := s.character()
		if !ok {
			return "", false
		}
		b.WriteRune(r)
	}
	return "", false
}

// character takes one code point, written as itself if it may be.
func (s *scanner) character() (rune, bool) {
	if s.rest[0] == '\\' {
		return s.escape()
	}
	r, size := utf8.DecodeRuneInString(s.rest)
	s.rest = s.rest[size:]
	return r, r >= ' ' && (r != utf8.RuneError || size > 1)
}

// escapes are what has to be escaped, and how.
var escapes = func() map[string]rune {
	short := map[string]rune{`\"`: '"', `\\`: '\\', `\b`: '\b', `\t`: '\t', `\n`: '\n', `\f`: '\f', `\r`: '\r'}
	for r := range ' ' {
		if !strings.ContainsRune("\b\t\n\f\r", r) {
			short[`\u00`+strconv.FormatInt(int64(r>>4), 16)+strconv.FormatInt(int64(r&15), 16)] = r
		}
	}
	return short
}()

func (s *scanner) escape() (rune, bool) {
	for _, size := range []int{len(`\n`), len(`\u001f`)} {
		if size > len(s.rest) {
			break
		}
		if r, ok := escapes[s.rest[:size]]; ok {
			s.rest = s.rest[size:]
			return r, true
		}
	}
	return 0, false
}
