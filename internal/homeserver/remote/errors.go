package remote

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"

	"signet/internal/fedclient"
	"signet/internal/matrix"
)

// Error is what another server answers instead of what was asked for. Its words are its own:
// they are short and printable, and no more is known of them.
type Error struct {
	Status      int
	Errcode     matrix.ErrCode // M_UNKNOWN where it says none
	Message     string
	RoomVersion string        // with M_INCOMPATIBLE_ROOM_VERSION
	RetryAfter  time.Duration // with 429; 0 where it says none
}

func (e Error) Error() string {
	return fmt.Sprintf("the server answers %d %s: %q", e.Status, e.Errcode, e.Message)
}

// unrecognized tells whether the server does not know the question.
func (e Error) unrecognized() bool {
	return e.Errcode == matrix.Unrecognized || e.Errcode == matrix.Unknown && (e.Status == http.StatusNotFound || e.Status == http.StatusMethodNotAllowed)
}

const (
	maxMessage    = 300 // characters
	maxRetryAfter = time.Hour
)

var errcode = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.]{0,127}$`)

// refusal reads what stands in an answer that is none of those asked for. One that cannot be
// read says its status.
func refusal(answer fedclient.Stream) Error {
	var said struct {
		Errcode     string  `json:"errcode"`
		Message     string  `json:"error"`
		RoomVersion string  `json:"room_version"`
		RetryAfter  float64 `json:"retry_after_ms"`
	}
	e := Error{Status: answer.Status, Errcode: matrix.Unknown}
	body, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err != nil || json.Unmarshal(body, &said) != nil {
		return e
	}
	if errcode.MatchString(said.Errcode) {
		e.Errcode = matrix.ErrCode(said.Errcode)
	}
	e.Message, e.RoomVersion = short(said.Message), short(said.RoomVersion)
	if answer.Status == http.StatusTooManyRequests {
		e.RetryAfter = retryAfter(answer.Header, said.RetryAfter)
	}
	return e
}

// retryAfter is the header, which the specification prefers to the member.
func retryAfter(h http.Header, millis float64) time.Duration {
	if seconds, err := strconv.ParseUint(h.Get("Retry-After"), 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	return time.Duration(min(max(millis, 0), float64(maxRetryAfter.Milliseconds()))) * time.Millisecond
}

// short is text that may be shown.
func short(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > maxMessage {
		return string(runes[:maxMessage])
	}
	return s
}
