package stream

import (
	"errors"
	"strconv"
	"strings"
)

// ErrToken says that a text is no token of this server.
var ErrToken = errors.New("not a token of this server")

// Token is a place in the stream as a client holds it.
type Token struct {
	Pos Pos // at least 0, which is the beginning
	// Messages is how far messages to the device were told with it: up to Pos, or less far
	// where there were too many for one answer.
	Messages Pos
}

// String is s and the position; and behind an underscore how far messages were told, if
// that is less far. ParseToken reads it.
func (t Token) String() string {
	b := strconv.AppendInt([]byte{'s'}, int64(t.Pos), 10)
	if t.Messages != t.Pos {
		b = strconv.AppendInt(append(b, '_'), int64(t.Messages), 10)
	}
	return string(b)
}

// ParseToken reads what String has written, and nothing else. The error is ErrToken.
func ParseToken(s string) (Token, error) {
	digits, is := strings.CutPrefix(s, "s")
	digits, messages, less := strings.Cut(digits, "_")
	pos, err := parsePos(digits)
	if err != nil || !is {
		return Token{}, ErrToken
	}
	t := Token{pos, pos}
	if !less {
		return t, nil
	}
	if t.Messages, err = parsePos(messages); err != nil || t.Messages >= pos {
		return Token{}, ErrToken
	}
	return t, nil
}

func parsePos(digits string) (Pos, error) {
	pos, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || pos < 0 || strconv.FormatInt(pos, 10) != digits {
		return 0, ErrToken
	}
	return Pos(pos), nil
}
