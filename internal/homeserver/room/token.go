package room

import (
	"errors"
	"strconv"
	"strings"

	"signet/internal/homeserver/stream"
)

// ErrToken says that a text is no place in a timeline.
var ErrToken = errors.New("not a token of this server")

// Token names the place in a timeline that follows a position; a token of /sync is one
// too. ParseToken reads it.
func Token(pos stream.Pos) string { return "s" + strconv.FormatInt(int64(pos), 10) }

// ParseToken reads what Token has made, and t<depth>_<position>, a place in history that
// leads to the same. The error is ErrToken.
func ParseToken(s string) (stream.Pos, error) {
	digits, live := strings.CutPrefix(s, "s")
	if rest, historic := strings.CutPrefix(s, "t"); historic {
		depth, pos, found := strings.Cut(rest, "_")
		if _, err := strconv.ParseUint(depth, 10, 63); err != nil || !found {
			return 0, ErrToken
		}
		digits, live = pos, true
	}
	pos, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !live || strings.HasPrefix(digits, "+") {
		return 0, ErrToken
	}
	return stream.Pos(pos), nil
}
