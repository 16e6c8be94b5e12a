package fedclient

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// Only a server itself, in words of the protocol, says that it will never do what it was asked;
// what stands before it says at most that it was not done now.
func TestWhatARefusalMeans(t *testing.T) {
	const words = `{"errcode":%q,"error":"no"}`
	for _, tt := range []struct {
		status         int
		body           string
		notDone, final bool
	}{
		{400, fmt.Sprintf(words, "M_INVALID_PARAM"), true, true},
		{403, fmt.Sprintf(words, "M_FORBIDDEN"), true, true},
		{404, fmt.Sprintf(words, "M_NOT_FOUND"), true, true},
		{404, fmt.Sprintf(words, "M_UNRECOGNIZED"), true, true},
		{413, fmt.Sprintf(words, "M_TOO_LARGE"), true, true},
		{403, fmt.Sprintf(words, "ORG.EXAMPLE.CLOSED"), true, true},
		{401, fmt.Sprintf(words, "M_UNAUTHORIZED"), true, false}, // it could not find out who asks
		{403, fmt.Sprintf(words, "IM.SIGNET.CLOCK_DIFFERS"), true, false},
		{403, fmt.Sprintf(words, "M_UNKNOWN"), true, false},
		{409, fmt.Sprintf(words, "M_UNKNOWN"), true, false},
		{400, fmt.Sprintf(words, "M_LIMIT_EXCEEDED"), true, false},
		{429, fmt.Sprintf(words, "M_FORBIDDEN"), true, false},
		{400, "", true, false},
		{403, "<html>nginx</html>", true, false},
		{404, "404 page not found", true, false},
		{404, `{"error":"no route"}`, true, false},
		{404, `{"errcode":404}`, true, false},
		{405, "", true, false},
		{413, "Request Entity Too Large", true, false},
		{302, fmt.Sprintf(words, "M_FORBIDDEN"), false, false},
		{500, fmt.Sprintf(words, "M_FORBIDDEN"), false, false},
		{502, "", false, false},
		{503, fmt.Sprintf(words, "M_UNKNOWN"), false, false},
		{504, "", false, false},
	} {
		refusal := Response{Status: tt.status, Header: http.Header{}, Body: []byte(tt.body)}.Refusal()
		for _, err := range []error{refusal, errors.Join(errors.New("asking"), fmt.Errorf("of alice: %w", refusal))} {
			if NotDone(err) != tt.notDone || Final(err) != tt.final {
				t.Errorf("%d %s: not done %t, final %t; want %t, %t", tt.status, tt.body, NotDone(err), Final(err), tt.notDone, tt.final)
			}
		}
	}
	for _, err := range []error{nil, errors.New("M_FORBIDDEN"), ErrUnreachable, ErrForbiddenAddress, ErrBadAnswer, ErrTooLarge} {
		if NotDone(err) || Final(err) {
			t.Errorf("%v: not done %t, final %t", err, NotDone(err), Final(err))
		}
	}
}

func TestPauses(t *testing.T) {
	for failed, want := range map[int]time.Duration{-1: time.Minute, 0: time.Minute, 1: time.Minute, 2: 2 * time.Minute, 9: 256 * time.Minute, 10: 6 * time.Hour, 1 << 40: 6 * time.Hour} {
		if got := Pause(failed); got != want {
			t.Errorf("Pause(%d) = %s, want %s", failed, got, want)
		}
	}
	var sum time.Duration
	for n := range Hope {
		sum += Pause(n + 1)
	}
	if days := sum.Hours() / 24; days < 85 || days > 95 {
		t.Errorf("hope lasts %.0f days", days)
	}
}
