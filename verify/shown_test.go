package verify_test

import (
	"fmt"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
	"signet/verify"
)

// shows has the owner of an address show control of it, by the code or by the link, and gives
// the token of the message's "this was not me" link.
func (s *story) shows(a threepid.Address, caller verify.Caller, purpose verify.Purpose, byLink bool) (stop string) {
	s.Helper()
	s.asked++
	c := verify.Credentials{ClientSecret: fmt.Sprint("show", s.asked)}
	var err error
	if c.SID, err = s.Request(s.Context(), verify.Request{Address: a, ClientSecret: c.ClientSecret, Caller: caller, Purpose: purpose, SendAttempt: 1}); err != nil {
		s.Fatal(err)
	}
	m := s.Post.Last(s.T)
	if byLink {
		_, err = s.Confirm(s.Context(), m.Link())
	} else {
		err = s.Submit(s.Context(), c, caller, m.Code())
	}
	if err != nil {
		s.Fatal(err)
	}
	return m.Stop()
}

func (s *story) shownTo(server matrix.ServerName, a threepid.Address, want bool) {
	s.Helper()
	if got, err := s.ShownTo(s.Context(), server, a); err != nil || got != want {
		s.Errorf("ShownTo(%s) = %v, %v, want %v", server, got, err, want)
	}
}

// What was shown to a homeserver in order to have an account there counts, to it alone and for
// that address alone; neither what was only asked for, nor what an account of its asked for.
func TestToWhomAnAddressWasShown(t *testing.T) {
	each(t, func(s *story) {
		a, b, c, d := email(s.T, "alice@example.org"), email(s.T, "bob@example.org"), email(s.T, "carol@example.org"), email(s.T, "dora@example.org")
		s.mustSignUp(a, 1, false)
		s.shownTo("hs.example", a, false)
		s.shows(a, hs, verify.Register, false)
		s.shows(b, hs, verify.Add, true)
		s.shows(d, hs, verify.RegisterAndBind, true)
		s.shows(c, verify.Account("@carol:hs.example"), verify.Add, false)
		s.shows(c, hs, verify.Reset, false)
		s.shows(c, hs, verify.Login, true)
		s.shownTo("hs.example", a, true)
		s.shownTo("hs.example", b, true)
		s.shownTo("hs.example", c, false)
		s.shownTo("hs.example", d, true)
		s.shownTo("other.example", a, false)
		s.shownTo("hs.example:8448", a, false)
		s.shownTo("hs.example", email(s.T, "alice+x@example.org"), false)
	})
}

// It counts for a year, or half of one for a number, from the last session there.
func TestWhatWasShownEnds(t *testing.T) {
	each(t, func(s *story) {
		a, n := email(s.T, "alice@example.org"), phone(s.T)
		s.shows(a, hs, verify.Register, false)
		s.shows(n, hs, verify.Add, false)
		s.Clock.Advance(182*24*time.Hour - time.Millisecond)
		s.shownTo("hs.example", n, true)
		s.Clock.Advance(time.Millisecond)
		s.shownTo("hs.example", n, false)
		s.shows(a, hs, verify.Login, false)
		s.Clock.Advance(365*24*time.Hour - time.Millisecond)
		s.shownTo("hs.example", a, true)
		rows := func() (n int) {
			if err := s.DB.QueryRow(s.Context(), "SELECT COUNT(*) FROM verify_shown").Scan(&n); err != nil {
				s.Fatal(err)
			}
			return n
		}
		s.sweep(0)
		if n := rows(); n != 1 {
			s.Errorf("%d rows, want that of the address alone", n)
		}
		s.Clock.Advance(time.Millisecond)
		s.shownTo("hs.example", a, false)
		s.sweep(0)
		if n := rows(); n != 0 {
			s.Errorf("%d rows, want none", n)
		}
	})
}

// "This was not me" takes back what that session showed, and no other.
func TestThisWasNotMeTakesBackWhatWasShown(t *testing.T) {
	for purpose, want := range map[verify.Purpose]bool{verify.Add: false, verify.Reset: true} {
		each(t, func(s *story) {
			a := email(s.T, "alice@example.org")
			s.shows(a, hs, verify.Register, false)
			s.mustSignUp(a, 1, false)
			if _, err := s.Stop(s.Context(), s.Post.Last(s.T).Stop(), true); err != nil { // that nobody answered
				s.Fatal(err)
			}
			s.shownTo("hs.example", a, true)
			if _, err := s.Unsilence(s.Context(), s.Post.Last(s.T).Stop()); err != nil {
				s.Fatal(err)
			}
			if _, err := s.Stop(s.Context(), s.shows(a, hs, purpose, false), false); err != nil {
				s.Fatal(err)
			}
			s.shownTo("hs.example", a, want)
		})
	}
}

// The owner sees it, and an erasure forgets it.
func TestTheOwnerSeesToWhomTheAddressWasShown(t *testing.T) {
	each(t, func(s *story) {
		a, b := email(s.T, "alice@example.org"), email(s.T, "bob@example.org")
		for _, server := range []matrix.ServerName{"hs.example", "another.example"} {
			s.shows(a, verify.Homeserver(server), verify.Register, false)
			s.shows(b, verify.Homeserver(server), verify.Register, false)
		}
		held, err := s.Held(s.Context(), a)
		if err != nil {
			s.Fatal(err)
		}
		until := s.Clock.Now().Add(365 * 24 * time.Hour).UnixMilli()
		if got, want := fmt.Sprint(held.(verify.Held).ShownTo), fmt.Sprintf("[{another.example %d} {hs.example %d}]", until, until); got != want {
			s.Errorf("the owner sees %s, want %s", got, want)
		}
		if err := s.DB.Tx(s.Context(), func(tx *store.Tx) error { return s.Erase(s.Context(), tx, a) }); err != nil {
			s.Fatal(err)
		}
		s.shownTo("hs.example", a, false)
		s.shownTo("another.example", a, false)
		s.shownTo("hs.example", b, true)
	})
}

// A session that its owner could not have opened shows nothing: it told of an account.
func TestWordOfAnAccountShowsNothing(t *testing.T) {
	each(t, func(s *story) {
		s.Verifier.Rand = zeros{}
		a := email(s.T, "alice@example.org")
		c := s.mustSignUp(a, 1, true)
		s.code(c, "00000000", verify.ErrWrongCode)
		s.shownTo("hs.example", a, false)
	})
}
