package caller_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"signet/internal/caller"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

func (s *story) once(origin matrix.ServerName, made time.Time, nonce string, want error) {
	s.Helper()
	if err := s.Once(s.Context(), origin, made, nonce); !errors.Is(err, want) {
		s.Errorf("Once(%s, %s, %.80q) = %v, want %v", origin, made, nonce, err, want)
	}
}

func TestASignedCallGoesThroughOnce(t *testing.T) {
	each(t, func(s *story) {
		now := s.clock.Now()
		s.once("example.org", now, "nonce-01", nil)
		s.once("example.org", now, "nonce-01", caller.ErrReplayed)
		s.once("example.org", now.Add(time.Second), "nonce-01", caller.ErrReplayed)
		s.once("other.example", now, "nonce-01", nil)
		s.once("example.org", now, "Nonce-01", nil)
		s.clock.Advance(5 * time.Minute)
		s.once("example.org", now, "nonce-01", caller.ErrReplayed)
		s.clock.Advance(time.Millisecond)
		s.once("example.org", now, "nonce-01", caller.ErrStale)
	})
}

// A homeserver leaves no more nonces than its budget has, under whichever of its names;
// a call that is not let through costs nothing, and others notice nothing.
func TestAHomeserverHasSoManyCalls(t *testing.T) {
	each(t, func(s *story) {
		now := s.clock.Now()
		for range 20 {
			s.once("h0.evil.example", now.Add(-time.Hour), "nonce-00", caller.ErrStale)
		}
		for i := range 1000 {
			name := matrix.ServerName(fmt.Sprintf("h%d.evil.example:%d", i%7, 1+i))
			s.once(name, now, "nonce-01", nil)
			if i < 20 {
				s.once(name, now, "nonce-01", caller.ErrReplayed)
			}
		}
		err := s.Once(s.Context(), "new.evil.example", now, "nonce-01")
		if limit, ok := errors.AsType[matrix.LimitExceeded](err); !ok || limit.RetryAfter != 3600*time.Millisecond {
			s.Errorf("the call after the last = %v", err)
		}
		if n := s.count("caller_nonces"); n != 1000 {
			s.Errorf("%d nonces, want 1000", n)
		}
		s.once("good.example", now, "nonce-01", nil)
		s.clock.Advance(3600 * time.Millisecond)
		s.once("new.evil.example", now, "nonce-01", nil)
	})
}

func TestOnceRefuses(t *testing.T) {
	each(t, func(s *story) {
		now := s.clock.Now()
		for _, away := range []time.Duration{-5*time.Minute - time.Millisecond, 5*time.Minute + time.Millisecond, -time.Hour, 24 * 365 * time.Hour} {
			s.once("example.org", now.Add(away), "nonce-02", caller.ErrStale)
		}
		for _, ms := range []int64{0, 1, -1, math.MaxInt64, math.MinInt64, now.Unix()} {
			s.once("example.org", time.UnixMilli(ms), "nonce-02", caller.ErrStale)
		}
		for _, nonce := range []string{"", "1234567", strings.Repeat("n", 65), "nonce 02", "nonce-0\x00", "nonce-0é", "nonce-02\n", "nonce-0\xff"} {
			s.once("example.org", now, nonce, caller.ErrNonce)
		}
		if n := s.count("caller_nonces"); n != 0 {
			s.Errorf("refused calls left %d nonces", n)
		}
		s.once("example.org", now.Add(-5*time.Minute), "nonce-02", nil)
		s.once("example.org", now.Add(5*time.Minute), strings.Repeat("n", 64), nil)
	})
}

// A nonce is forgotten only when its time alone refuses the call, also on a replica
// whose clock is behind.
func TestNoncesAreForgottenWhenTheirTimeHasPassed(t *testing.T) {
	each(t, func(s *story) {
		ahead := s.clock.Now().Add(5 * time.Minute)
		for i := range 1100 {
			s.once([]matrix.ServerName{"example.org", "other.example"}[i%2], ahead, strings.Repeat("n", 8)+string(rune('a'+i%26))+strings.Repeat("x", i/26), nil)
		}
		s.clock.Advance(10 * time.Minute)
		s.sweep()
		s.once("example.org", ahead, "nnnnnnnna", caller.ErrReplayed)
		s.clock.Advance(time.Hour + time.Millisecond)
		s.sweep()
		if n := s.count("caller_nonces"); n != 0 {
			s.Errorf("%d nonces are kept", n)
		}
	})
}

// Fifty replays at the same time, on two replicas, let one through.
func TestReplaysInParallel(t *testing.T) {
	storetest.EachLaidOut(t, owners, func(t *testing.T, url string) {
		s := newStory(t, storetest.Open(t, url, nil))
		o := s.Options
		if s.db.Engine() == store.PostgreSQL { // a SQLite file has one process
			o.DB = storetest.Open(t, url, nil)
		}
		other, err := caller.New(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		results := make(chan error, 50)
		start := make(chan struct{})
		for i := range cap(results) {
			replica := []*caller.Gate{s.Gate, other}[i%2]
			go func() {
				<-start
				results <- replica.Once(t.Context(), "example.org", s.clock.Now(), "nonce-03")
			}()
		}
		close(start)
		through := 0
		for range cap(results) {
			switch err := <-results; {
			case err == nil:
				through++
			case !errors.Is(err, caller.ErrReplayed):
				t.Errorf("Once = %v", err)
			}
		}
		if through != 1 {
			t.Errorf("%d of 50 replays went through, want 1", through)
		}
	})
}
