package room

import (
	"strconv"
	"strings"

	"signet/internal/homeserver/stream"
)

// ErrToken says that a text is no place in a timeline.
var ErrToken = stream.ErrToken

// Token names the place in a timeline that follows a position; a token of /sync is one
// too. ParseToken reads it.
func Token(pos stream.Pos) string { return stream.Token{Pos: pos, Messages: pos}.String() }

// ParseToken reads what Token has made, a token of /sync, and t<depth>_<position>, a place
// in history that leads to the same. The error is ErrToken.
func ParseToken(s string) (stream.Pos, error) {
	if rest, historic := strings.CutPrefix(s, "t"); historic {
		depth, pos, found := strings.Cut(rest, "_")
		if _, err := strconv.ParseUint(depth, 10, 63); err != nil || !found {
			return 0, ErrToken
		}
		s = "s" + pos
	}
	if digits, historic := strings.CutPrefix(s, "s-"); historic {
		pos, err := strconv.ParseUint(digits, 10, 63)
		if err != nil {
			return 0, ErrToken
		}
		return -stream.Pos(pos), nil
	}
	t, err := stream.ParseToken(s)
	return t.Pos, err
}
