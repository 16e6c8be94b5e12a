package notice_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"signet/internal/deliver"
	"signet/internal/matrix"
	"signet/internal/quota"
	"signet/internal/store"
	"signet/lookup/notice"
	"signet/verify"
)

// shows has the owner of an address show it to a homeserver, to attach it to an account, and
// gives the token of that message's "this was not me" link.
func (s *story) shows(address string, server matrix.ServerName) (stop string) {
	s.Helper()
	s.Clock.Advance(time.Second)
	c := verify.Credentials{ClientSecret: fmt.Sprint("show", s.Clock.Now().UnixMilli())}
	hs := verify.Homeserver(server)
	var err error
	c.SID, err = s.Request(s.Context(), verify.Request{Address: s.address(address), ClientSecret: c.ClientSecret, Caller: hs, Purpose: verify.Add, SendAttempt: 1})
	if err == nil {
		err = s.Submit(s.Context(), c, hs, s.Post.Last(s.T).Code())
	}
	if err != nil {
		s.Fatal(err)
	}
	return s.Post.Last(s.T).Stop()
}

func (s *story) incident(address string, server matrix.ServerName) notice.Incident {
	s.Helper()
	return notice.Incident{What: notice.Login, Homeserver: server, User: matrix.UserID("@alice:" + server.String()), Address: s.address(address), At: s.Clock.Now(),
		Device: "Phone", Client: netip.MustParseAddr("203.0.113.7")}
}

func (s *story) loggedIn(address string, server matrix.ServerName) {
	s.Helper()
	if err := s.notices.Happened(s.Context(), s.incident(address, server)); err != nil {
		s.Fatal(err)
	}
}

func TestTheOwnerIsToldOfALogin(t *testing.T) {
	each(t, func(s *story) {
		s.shows("alice@example.org", "hs.example")
		s.loggedIn("alice@example.org", "hs.example")
		when := s.Clock.Now().UTC().Format("2006-01-02 15:04 MST")
		s.Clock.Advance(2 * time.Hour) // the mail server was away
		m := s.want("alice@example.org Somebody logged in to your account @alice:hs.example at hs.example on " + when + ".\nDevice: Phone\nIP address: 203.0.113.7\n")
		if !strings.Contains(text(m[0]), "change your password") || !strings.Contains(text(m[0]), "id.example.org sends this message for hs.example") {
			s.Errorf("it does not say what to do, or why it comes:\n%s", text(m[0]))
		}
	})
}

// A new password is told of too, with what to do for who cannot log in any more. However many logins
// there were, or times the password was changed, the one hides nothing of the other.
func TestTheOwnerIsToldOfANewPassword(t *testing.T) {
	each(t, func(s *story) {
		s.shows("alice@example.org", "hs.example")
		changed := func() {
			in := s.incident("alice@example.org", "hs.example")
			in.What = notice.Password
			if err := s.notices.Happened(s.Context(), in); err != nil {
				s.Fatal(err)
			}
		}
		for range 10 {
			s.loggedIn("alice@example.org", "hs.example")
		}
		if n := len(s.send(s.replica)); n != 7 {
			s.Errorf("%d notices of logins, want 7", n)
		}
		changed()
		when := s.Clock.Now().UTC().Format("2006-01-02 15:04 MST")
		m := s.want("alice@example.org The password of your account @alice:hs.example at hs.example was changed on " + when + ".\nDevice: Phone\nIP address: 203.0.113.7\n")
		if !strings.Contains(text(m[0]), "Forgot password?") || strings.Contains(text(m[0]), "sessions that you do not know") || !strings.Contains(text(m[0]), "id.example.org sends this message for hs.example") {
			s.Errorf("it does not say what to do, or why it comes:\n%s", text(m[0]))
		}
		for range 10 {
			changed()
		}
		sent := allTexts(s.send(s.replica))
		if one, more := strings.Count(sent, "was changed on"), strings.Count(sent, "was changed more often than we tell"); one != 5 || more != 1 {
			s.Errorf("%d further notices, want 5, and %d of more, want 1:\n%s", one, more, sent)
		}
	})
}

// An address was added or removed: both are told by one budget, which hides no new password.
func TestTheOwnerIsToldOfAddresses(t *testing.T) {
	each(t, func(s *story) {
		s.shows("alice@example.org", "hs.example")
		happens := func(what notice.What) {
			in := s.incident("alice@example.org", "hs.example")
			in.What, in.Device = what, ""
			if err := s.notices.Happened(s.Context(), in); err != nil {
				s.Fatal(err)
			}
		}
		happens(notice.Added)
		m := s.want("alice@example.org was added to your account @alice:hs.example at hs.example on ")
		if !strings.Contains(text(m[0]), "set the addresses right") || !strings.Contains(text(m[0]), "\nIP address: 203.0.113.7\n") {
			s.Errorf("it says\n%s", text(m[0]))
		}
		happens(notice.Removed)
		s.want("alice@example.org was taken from your account @alice:hs.example at hs.example on ")
		for range 5 {
			happens(notice.Removed)
			happens(notice.Added)
		}
		if sent := allTexts(s.send(s.replica)); strings.Count(sent, "your account @alice:hs.example at hs.example on") != 4 || strings.Count(sent, "were changed more often than we tell") != 1 {
			s.Errorf("the further notices are\n%s", sent)
		}
		happens(notice.Password)
		s.want("alice@example.org The password of your account")
		in := s.incident("alice@example.org", "hs.example")
		in.What = "address"
		if err := s.notices.Happened(s.Context(), in); !errors.Is(err, notice.ErrWhat) {
			s.Errorf("what there is none of: %v", err)
		}
	})
}

// It is in the language that the homeserver knows, or in that of all notices.
func TestALoginIsToldInTheOwnersLanguage(t *testing.T) {
	each(t, func(s *story) {
		s.shows("alice@example.org", "hs.example")
		for language, says := range map[string]string{"": "Somebody logged in", "de-AT": "Jemand hat sich", "tlh": "Somebody logged in", "x\"\\": "Somebody logged in"} {
			l := s.incident("alice@example.org", "hs.example")
			l.Language = language
			if err := s.notices.Happened(s.Context(), l); err != nil {
				s.Fatal(err)
			}
			s.want("alice@example.org " + says)
		}
	})
}

// Nobody is told by a homeserver to which they have not shown the address: nor what it could
// have found out.
func TestAHomeserverCannotWriteToAnybody(t *testing.T) {
	each(t, func(s *story) {
		s.shows("alice@example.org", "hs.example")
		s.bind("bob@example.org", "@bob:hs.example")
		s.send(s.replica)
		for _, l := range []notice.Incident{
			s.incident("bob@example.org", "hs.example"),
			s.incident("nobody@example.org", "hs.example"),
			s.incident("alice@example.org", "evil.example"),
			s.incident("alice+x@example.org", "hs.example"),
			s.incident("12015550123", "hs.example"),
		} {
			if err := s.notices.Happened(s.Context(), l); !errors.Is(err, notice.ErrNotShown) {
				s.Errorf("%s tells %s: %v", l.Homeserver, l.Address, err)
			}
		}
		if n := s.count(`kind = 'lookup.notice' AND state = 'waiting'`); n != 0 {
			s.Errorf("%d notices wait", n)
		}
		s.want()
	})
}

// Trying out addresses costs what notices cost, and a homeserver has only so many of both.
func TestAHomeserverHasOnlySoManyNotices(t *testing.T) {
	each(t, func(s *story) {
		s.limit(map[string]int{"lookup.notice.login.homeserver": 3})
		s.shows("alice@example.org", "hs.example")
		s.loggedIn("alice@example.org", "hs.example")
		for _, server := range []matrix.ServerName{"hs.example", "sub.hs.example"} {
			if err := s.notices.Happened(s.Context(), s.incident("bob@example.org", server)); !errors.Is(err, notice.ErrNotShown) {
				s.Errorf("LoggedIn = %v", err)
			}
		}
		err := s.notices.Happened(s.Context(), s.incident("alice@example.org", "hs.example"))
		if limit, is := errors.AsType[matrix.LimitExceeded](err); !is || limit.RetryAfter <= 0 {
			s.Errorf("the fourth = %v", err)
		}
		s.shows("alice@example.org", "other.example")
		s.loggedIn("alice@example.org", "other.example")
		if n := len(s.send(s.replica)); n != 2 {
			s.Errorf("%d notices, want 2", n)
		}
	})
}

// limit is s with limits in place of the built-in ones.
func (s *story) limit(limits map[string]int) {
	s.Helper()
	budgets, err := quota.Override(notice.Budgets(false), limits)
	if err == nil {
		s.notices.Quota, err = quota.New(s.Context(), quota.Options{DB: s.DB, Vault: s.Vault, Budgets: budgets, Now: s.Clock.Now})
	}
	if err != nil {
		s.Fatal(err)
	}
}

// What the owner takes back while a notice waits, or erases, ends it; so does a mailbox that
// is gone.
func TestALoginThatIsNotToldAnyMore(t *testing.T) {
	for name, end := range map[string]func(s *story, stop string) error{
		"this was not me": func(s *story, stop string) error {
			_, err := s.Stop(s.Context(), stop, false)
			return err
		},
		"erased": func(s *story, _ string) error {
			return s.DB.Tx(s.Context(), func(tx *store.Tx) error { return s.Erase(s.Context(), tx, s.address("alice@example.org")) })
		},
		"no mailbox": func(s *story, _ string) error { return s.NoMailbox(s.Context(), s.address("alice@example.org")) },
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(s *story) {
				stop := s.shows("alice@example.org", "hs.example")
				s.loggedIn("alice@example.org", "hs.example")
				if err := end(s, stop); err != nil {
					s.Fatal(err)
				}
				s.want()
			})
		})
	}
}

// A mail server that knows no such mailbox is not asked again.
func TestALoginOfAMailboxThatIsGone(t *testing.T) {
	each(t, func(s *story) {
		s.shows("alice@example.org", "hs.example")
		s.post.Fail(fmt.Errorf("%w: %w", deliver.ErrRefused, deliver.ErrNoMailbox))
		for range 2 {
			s.loggedIn("alice@example.org", "hs.example")
			s.send(s.replica)
		}
		if n := len(s.post.Tried()); n != 1 {
			s.Errorf("it was tried %d times, want once", n)
		}
	})
}

// Whoever wants no messages is told of logins all the same, twice a day: or else a stranger who
// fills the mailbox until its owner wants none would have turned the alarm off.
func TestSilenceLetsAnAlarmThrough(t *testing.T) {
	each(t, func(s *story) {
		s.shows("alice@example.org", "hs.example")
		s.shows("alice@example.org", "other.example")
		if _, err := s.Request(s.Context(), verify.Request{Address: s.address("alice@example.org"), ClientSecret: "stranger", Caller: verify.Page, SendAttempt: 1}); err != nil {
			s.Fatal(err)
		}
		if _, err := s.Stop(s.Context(), s.Post.Last(s.T).Stop(), true); err != nil {
			s.Fatal(err)
		}
		s.bind("bob@example.org", bob)
		s.want("bob@example.org") // others are told as ever
		for _, server := range []matrix.ServerName{"hs.example", "other.example"} {
			s.loggedIn("alice@example.org", server)
			s.want("alice@example.org Somebody logged in to your account @alice:" + server.String())
		}
		s.loggedIn("alice@example.org", "hs.example")
		s.want()
		s.Clock.Advance(12 * time.Hour)
		s.loggedIn("alice@example.org", "hs.example")
		s.want("alice@example.org Somebody logged in")
	})
}

// One homeserver's notices hide neither another's nor those of bindings; what is over its
// share is told by one, and what all together are is bounded too.
func TestAFloodOfLogins(t *testing.T) {
	each(t, func(s *story) {
		servers := []matrix.ServerName{"a.example", "b.example", "c.example", "d.example", "e.example"}
		for _, server := range servers {
			s.shows("alice@example.org", server)
		}
		for range 20 {
			s.loggedIn("alice@example.org", "a.example")
		}
		sent := s.send(s.replica)
		for says, want := range map[string]int{"Somebody logged in to your account @alice:a.example": 6, "more logins to your account @alice:a.example at a.example": 1} {
			if n := strings.Count(allTexts(sent), says); n != want || len(sent) != 7 {
				s.Errorf("%d of %d notices say %q, want %d of 7", n, len(sent), says, want)
			}
		}
		for _, server := range servers[1:] {
			for range 7 {
				s.loggedIn("alice@example.org", server)
			}
		}
		if n := len(s.send(s.replica)); n != 20-7 {
			s.Errorf("%d further notices, want 13", n)
		}
		s.bind("alice@example.org", alice)
		s.want("alice@example.org now find the Matrix account")
	})
}

// What was not sent is not charged.
func TestALoginThatCouldNotBeTold(t *testing.T) {
	each(t, func(s *story) {
		s.limit(map[string]int{"lookup.notice.login.destination": 1})
		s.shows("alice@example.org", "hs.example")
		s.post.Fail(deliver.ErrNotNow)
		s.loggedIn("alice@example.org", "hs.example")
		s.want()
		s.post.Fail(nil)
		s.Clock.Advance(time.Hour)
		s.want("alice@example.org Somebody logged in")
	})
}

// A number is told where notices go to numbers, three times a day, at the price of any.
func TestANumberIsToldOfALogin(t *testing.T) {
	each(t, func(s *story) {
		s.shows("12015550123", "hs.example")
		s.loggedIn("12015550123", "hs.example")
		s.want()
		s.texting()
		in := s.incident("12015550123", "hs.example")
		in.What = notice.Password
		if err := s.notices.Happened(s.Context(), in); err != nil {
			s.Fatal(err)
		}
		s.want("12015550123 id.example.org: The password of your Matrix account was changed.\nNot you? Reset it now.")
		before := s.spent()
		s.notices.Own = map[matrix.ServerName]bool{"hs.example": true}
		for range 4 {
			s.loggedIn("12015550123", "hs.example")
		}
		sent := s.send(s.replica)
		if len(sent) != 3 || sent[0].Text != "hs.example: There was a new login to your Matrix account.\nNot you? Change your password." || s.spent() != before+3 {
			s.Errorf("sent %d at the price of %d: %s", len(sent), s.spent()-before, allTexts(sent))
		}
	})
}

// A device's name is kept short, and is never more than a name.
func TestALongDevice(t *testing.T) {
	each(t, func(s *story) {
		s.shows("alice@example.org", "hs.example")
		l := s.incident("alice@example.org", "hs.example")
		l.Device, l.Client = strings.Repeat("Your account is locked.\nVisit https://evil.example ", 1000), netip.Addr{}
		if err := s.notices.Happened(s.Context(), l); err != nil {
			s.Fatal(err)
		}
		m := s.want("alice@example.org Device: Your account is locked. Visit")
		if len(m[0].Text) > 2000 || strings.Contains(m[0].Text, "evil.example") || strings.Contains(m[0].Text, "IP address") {
			s.Errorf("it says\n%s", m[0].Text)
		}
	})
}
