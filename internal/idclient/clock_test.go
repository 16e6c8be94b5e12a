package idclient_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"signet/internal/fedclient"
	"signet/internal/idclient"
	"signet/internal/matrix"
)

// An identity server by whose clock it is another time has not refused for good. The error says
// how far the clocks are apart, whatever the server says that its own is.
func TestClocksThatDiffer(t *testing.T) {
	for says, want := range map[string]string{
		`,"im.signet.ts":1700000432000`:        "the identity server's clock is 7m12s ahead of this server's",
		`,"im.signet.ts":1699996400000`:        "the identity server's clock is 1h0m0s behind this server's",
		`,"im.signet.ts":9223372036854775807`:  "ahead of this server's",
		`,"im.signet.ts":-5`:                   "minutes or more away from this server's",
		`,"im.signet.ts":"noon, @bob:hs.test"`: "minutes or more away from this server's",
		``:                                     "minutes or more away from this server's",
	} {
		c := newClient(&server{answers: []string{`403 {"errcode":"IM.SIGNET.CLOCK_DIFFERS","error":"not now, @bob:hs.test"` + says + `}`}})
		err := c.UnbindUser(t.Context(), at(t), "@bob:hs.test")
		refused, is := errors.AsType[fedclient.Refusal](err)
		if !is || refused.Errcode != matrix.ClockDiffers || fedclient.Final(err) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "bob") {
			t.Errorf("%s: %v, want %s", says, err, want)
		}
	}
}

// The log says it once of each server, and again after an hour or when the clock was set back;
// of no other refusal does it say anything.
func TestClocksThatDifferAreLogged(t *testing.T) {
	var log bytes.Buffer
	s, now := &server{}, time.UnixMilli(1_700_000_000_000)
	c := newClient(s)
	c.Log, c.Now = slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return now }
	asks := func(times int, name, errcode string) {
		t.Helper()
		server, err := idclient.ParseServer(name)
		if err != nil {
			t.Fatal(err)
		}
		for range times {
			s.answers = []string{fmt.Sprintf(`403 {"errcode":%q,"error":"not now, @bob:hs.test","im.signet.ts":1700000432000}`, errcode)}
			if c.UnbindUser(t.Context(), server, "@bob:hs.test") == nil {
				t.Error("no error")
			}
		}
	}
	says := func(times int) {
		t.Helper()
		if n := strings.Count(log.String(), "level=ERROR"); n != times || strings.Contains(log.String(), "bob") {
			t.Errorf("it is said %d times, want %d:\n%s", n, times, log.String())
		}
		log.Reset()
	}
	asks(3, "id.test", "M_FORBIDDEN")
	says(0)
	asks(5, "id.test", "IM.SIGNET.CLOCK_DIFFERS")
	if !strings.Contains(log.String(), `identity_server=id.test its_clock_is="7m12s ahead of this server's" this_clock=2023-11-14T22:13:20Z`) {
		t.Errorf("it says %s", log.String())
	}
	says(1)
	asks(2, "other.test", "IM.SIGNET.CLOCK_DIFFERS")
	says(1)
	now = now.Add(59 * time.Minute)
	asks(1, "id.test", "IM.SIGNET.CLOCK_DIFFERS")
	says(0)
	now = now.Add(time.Minute)
	asks(2, "id.test", "IM.SIGNET.CLOCK_DIFFERS")
	says(1)
	now = now.Add(-time.Hour)
	asks(2, "id.test", "IM.SIGNET.CLOCK_DIFFERS")
	says(1)
}
