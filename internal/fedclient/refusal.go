package fedclient

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"

	"signet/internal/matrix"
)

// Refusal is the error of a server that answers something else than what was asked for. Its
// words are its own: they are short and printable, and no more is known of them.
type Refusal struct {
	Status      int
	Errcode     matrix.ErrCode // M_UNKNOWN where it says none
	Message     string
	RoomVersion string        // with M_INCOMPATIBLE_ROOM_VERSION
	RetryAfter  time.Duration // with 429; 0 where it says none
}

func (r Refusal) Error() string {
	return fmt.Sprintf("the server answers %d %s: %q", r.Status, r.Errcode, r.Message)
}

// Unrecognized tells whether the server does not know the question.
func (r Refusal) Unrecognized() bool {
	return r.Errcode == matrix.Unrecognized || r.Errcode == matrix.Unknown && (r.Status == http.StatusNotFound || r.Status == http.StatusMethodNotAllowed)
}

// NotDone tells whether the error is of a server, or of what stands before it, that has not done
// what it was asked. A gateway that gives up waiting does not know that.
func NotDone(err error) bool {
	refusal, is := errors.AsType[Refusal](err)
	return is && refusal.Status >= http.StatusBadRequest && refusal.Status < http.StatusInternalServerError
}

// Final tells whether the error is of a server that will not do what it was asked the next time
// either: it says so in words of the protocol, as what stands before it does not.
func Final(err error) bool {
	refusal, _ := errors.AsType[Refusal](err)
	return NotDone(err) && !refusal.passes()
}

// passes tells whether a refusal is not about what was asked: it has no words of the protocol, or
// is of a server that was asked too often, or does not know who asks, or whose clock differs.
func (r Refusal) passes() bool {
	switch r.Errcode {
	case matrix.Unknown, matrix.LimitExceededCode, matrix.ClockDiffers:
		return true
	}
	return r.Status == http.StatusTooManyRequests || r.Status == http.StatusUnauthorized
}

const (
	maxRefusal    = 64 << 10
	maxMessage    = 300 // characters
	maxRetryAfter = time.Hour
)

var errcode = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.]{0,127}$`)

// Refusal reads what stands in an answer that is none of those asked for. One that cannot be
// read says its status. The body is left open.
func (s Stream) Refusal() Refusal {
	body, err := io.ReadAll(io.LimitReader(s.Body, maxRefusal))
	if err != nil {
		body = nil
	}
	return Response{Status: s.Status, Header: s.Header, Body: body}.Refusal()
}

// Refusal is that of a Stream, of an answer that has been read.
func (r Response) Refusal() Refusal {
	var said struct {
		Errcode     string  `json:"errcode"`
		Message     string  `json:"error"`
		RoomVersion string  `json:"room_version"`
		RetryAfter  float64 `json:"retry_after_ms"`
	}
	refusal := Refusal{Status: r.Status, Errcode: matrix.Unknown}
	if json.Unmarshal(r.Body, &said) != nil {
		return refusal
	}
	if errcode.MatchString(said.Errcode) {
		refusal.Errcode = matrix.ErrCode(said.Errcode)
	}
	refusal.Message, refusal.RoomVersion = Short(said.Message), Short(said.RoomVersion)
	if r.Status == http.StatusTooManyRequests {
		refusal.RetryAfter = retryAfter(r.Header, said.RetryAfter)
	}
	return refusal
}

// retryAfter is the header, which the specification prefers to the member.
func retryAfter(h http.Header, millis float64) time.Duration {
	if seconds, err := strconv.ParseUint(h.Get("Retry-After"), 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	return time.Duration(min(max(millis, 0), float64(maxRetryAfter.Milliseconds()))) * time.Millisecond
}

// Short is a text of another server such as may be shown.
func Short(s string) string {
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
