package verify_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"signet/internal/store"
	"signet/verify"
)

// A session is forgotten a week after it has ended, one that was stopped a month after
// that: by its link an address can be written to again.
func TestOldSessionsAreForgotten(t *testing.T) {
	each(t, func(s *story) {
		s.mustRequest(1)
		if _, err := s.Stop(s.Context(), s.Post.Last(s.T).Stop(), false); err != nil {
			s.Fatal(err)
		}
		_, err := s.Request(s.Context(), verify.Request{Address: email(s.T, "bob@example.org"), ClientSecret: "secret", Caller: mallory, SendAttempt: 1})
		if err != nil {
			s.Fatal(err)
		}
		for _, step := range []struct {
			after time.Duration
			left  int
		}{{0, 2}, {8 * 24 * time.Hour, 2}, {time.Minute, 1}, {22*24*time.Hour - 2*time.Minute, 1}, {2 * time.Minute, 0}} {
			s.Clock.Advance(step.after)
			s.sweep(step.left)
		}
	})
}

// A table of more than a step is walked to its end, and a young session between old ones
// stays.
func TestASweepForgetsMoreThanItTakesAtATime(t *testing.T) {
	each(t, func(s *story) {
		err := s.DB.Tx(s.Context(), func(tx *store.Tx) error {
			for i := range 2500 {
				if err := insertOld(tx, fmt.Sprintf("A%d", i)); err != nil {
					return err
				}
			}
			_, err := tx.Exec(s.Context(), `UPDATE verify_sessions SET changed_ms = $1 WHERE sid = 'A1234'`, s.Clock.Now().UnixMilli())
			return err
		})
		if err != nil {
			s.Fatal(err)
		}
		s.mustRequest(1)
		s.sweep(2)
	})
}

func insertOld(tx *store.Tx, sid string) error {
	_, err := tx.Exec(context.Background(), `INSERT INTO verify_sessions (sid, medium, address_index, address_sealed, secret_mac, caller, next_link,
			send_attempt, messages, sent_ms, code_mac, code_expires_ms, link_mac, link_expires_ms, created_ms, changed_ms)
		VALUES ($1, 'email', $2, $2, $2, 'account', '', 1, 1, 1, $2, 1, $2, 1, 1, 1)`, sid, []byte(sid))
	return err
}

// sweep sweeps, and counts the sessions that are left.
func (s *story) sweep(want int) {
	s.Helper()
	if err := s.Sweep(s.Context()); err != nil {
		s.Fatal(err)
	}
	var left int
	if err := s.DB.QueryRow(s.Context(), "SELECT COUNT(*) FROM verify_sessions").Scan(&left); err != nil {
		s.Fatal(err)
	}
	if left != want {
		s.Errorf("%d sessions are left, want %d", left, want)
	}
}
