package verify_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"signet/internal/deliver"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/internal/threepid"
	"signet/verify"
	"signet/verify/fraud"
	"signet/verify/verifytest"
)

const hs = verify.Caller("homeserver hs.example")

// signUp is what a homeserver asks for somebody who wants an account there.
func (s *story) signUp(a threepid.Address, attempt int64, existing bool) (verify.Credentials, error) {
	s.Helper()
	sid, err := s.Request(s.Context(), verify.Request{Address: a, ClientSecret: "secret", Caller: hs, Purpose: verify.Register,
		SendAttempt: attempt, Client: netip.MustParseAddr("203.0.113.9"), Existing: existing})
	return verify.Credentials{SID: sid, ClientSecret: "secret"}, err
}

func (s *story) mustSignUp(a threepid.Address, attempt int64, existing bool) verify.Credentials {
	s.Helper()
	c, err := s.signUp(a, attempt, existing)
	if err != nil {
		s.Fatal(err)
	}
	return c
}

// code submits what a homeserver was given, and wants that.
func (s *story) code(c verify.Credentials, code string, want error) {
	s.Helper()
	if err := s.Submit(s.Context(), c, hs, code); !errors.Is(err, want) {
		s.Errorf("Submit(%s) = %v, want %v", code, err, want)
	}
}

// proves checks what the session proves.
func (s *story) proves(c verify.Credentials, want error) {
	s.Helper()
	if _, err := s.World.Verifier.Prove(s.Context(), c, hs); !errors.Is(err, want) {
		s.Errorf("Prove = %v, want %v", err, want)
	}
}

// zeros is a source of codes that are all zeros.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// Whoever has an account is told so, in place of a code. Nothing opens the session, not even
// the code that was drawn for it and is in no message; the link "this was not me" is as ever.
func TestWhoHasAnAccountIsToldInPlaceOfACode(t *testing.T) {
	each(t, func(s *story) {
		s.Verifier.Rand = zeros{}
		for _, a := range []threepid.Address{email(s.T, "alice@example.org"), phone(s.T)} {
			zero := map[threepid.Medium]string{threepid.Email: "00000000", threepid.MSISDN: "000000"}[a.Medium()]
			c := s.mustSignUp(a, 1, true)
			m := s.Post.Last(s.T)
			if text := unjoined(m.Text); m.Code() != "" || m.Link() != "" || m.Stop() == "" || a.Medium() == threepid.Email && !strings.Contains(text, "at hs.example. You already have one") {
				s.Errorf("the message is\n%s", text)
			}
			for range 7 {
				s.code(c, zero, verify.ErrWrongCode)
			}
			s.proves(c, verify.ErrNotValidated)
			if _, err := s.SubmitAnyone(s.Context(), c, zero); !errors.Is(err, verify.ErrWrongCode) {
				s.Errorf("SubmitAnyone = %v", err)
			}
			if page, err := s.Stop(s.Context(), m.Stop(), true); err != nil || !page.Stopped || page.Asker != "hs.example" || page.Suppressed.IsZero() {
				s.Errorf("Stop = %+v, %v", page, err)
			}
		}
		other := email(s.T, "bob@example.org")
		c := s.mustSignUp(other, 1, false)
		s.code(c, "00000000", nil) // where there was one, it is this
		s.proves(c, nil)
	})
}

// Nor would the link that was drawn for it and is in no message.
func TestNoLinkOpensASessionThatTellsOfAnAccount(t *testing.T) {
	each(t, func(s *story) {
		told := s.mustSignUp(email(s.T, "alice@example.org"), 1, true)
		mailed := s.mustSignUp(email(s.T, "bob@example.org"), 1, false)
		token := s.Post.Last(s.T).Link()
		var mac []byte
		if err := s.DB.QueryRow(s.Context(), "SELECT link_mac FROM verify_sessions WHERE sid = $1", mailed.SID).Scan(&mac); err != nil {
			s.Fatal(err)
		}
		_, free := s.DB.Exec(s.Context(), "DELETE FROM verify_sessions WHERE sid = $1", mailed.SID)
		_, taken := s.DB.Exec(s.Context(), "UPDATE verify_sessions SET link_mac = $1 WHERE sid = $2", mac, told.SID)
		if free != nil || taken != nil {
			s.Fatal(free, taken)
		}
		if _, err := s.Confirm(s.Context(), token); !errors.Is(err, verify.ErrNoLink) {
			s.Errorf("Confirm = %v", err)
		}
		s.proves(told, verify.ErrNotValidated)
	})
}

// witness writes down all that whoever asks a homeserver to sign them up, and the operator's
// counters, can see.
type witness struct {
	*story
	saw []string
}

func (w *witness) note(what string, err error) {
	w.saw = append(w.saw, fmt.Sprintf("%s: %v", what, err))
}

func (w *witness) uses() {
	w.Helper()
	uses, err := w.Verifier.Quota.Usage(w.Context(), 0)
	if err != nil {
		w.Fatal(err)
	}
	for _, u := range uses {
		w.saw = append(w.saw, fmt.Sprintf("%s %.3f %v", u.Budget, u.Share, u.Full))
	}
	r, err := w.Fraud.Report(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	w.saw = append(w.saw, fmt.Sprintf("%+v", r))
}

// signsUp tries all that somebody can try who does not read what is sent.
func (w *witness) signsUp(a threepid.Address, existing bool) {
	w.Verifier.When = verify.OnSuspicion
	for attempt := range int64(4) {
		c, err := w.signUp(a, attempt, existing)
		w.note(fmt.Sprint("attempt ", attempt), err)
		_, err = w.signUp(a, attempt, existing)
		w.note("again", err)
		if needed, is := errors.AsType[verify.CaptchaNeeded](err); is {
			w.pass(needed)
			c, err = w.signUp(a, attempt, existing)
			w.note("with a CAPTCHA", err)
		}
		w.note("a guess", w.Submit(w.Context(), c, hs, "99999999"))
		w.note("another's guess", w.Submit(w.Context(), c, alice, "99999999"))
		_, err = w.SubmitAnyone(w.Context(), c, "99999999")
		w.note("a guess by the link", err)
		_, err = w.World.Verifier.Prove(w.Context(), c, hs)
		w.note("validated", err)
		w.Clock.Advance(time.Duration(1+attempt) * time.Minute)
	}
	for i := range 6 { // until the budgets of the address are used up
		w.asked++
		_, err := w.Request(w.Context(), verify.Request{Address: a, ClientSecret: fmt.Sprint("other", w.asked), Caller: hs, Purpose: verify.Register,
			SendAttempt: 1, Client: netip.MustParseAddr("203.0.113.9"), Existing: existing})
		w.note(fmt.Sprint("session ", i), err)
	}
	w.Clock.Advance(24 * time.Hour)
	c, err := w.signUp(a, 9, existing)
	w.note("a new session", err)
	w.Post.Fail(deliver.ErrRefused)
	w.Clock.Advance(time.Hour)
	_, err = w.signUp(a, 10, existing)
	w.note("refused", err)
	w.Post.Fail(nil)
	_, err = w.World.Verifier.Prove(w.Context(), c, hs)
	w.note("validated", err)
	w.saw = append(w.saw, fmt.Sprint("messages ", len(w.Post.Tried())))
	w.uses()
}

// Whoever asks cannot tell an address that has an account from one that has none: answers,
// limits, CAPTCHAs, what is counted and what is paid are the same.
func TestNobodyCanTellWhoHasAnAccount(t *testing.T) {
	price, err := fraud.ParseMoney("0.05")
	if err != nil {
		t.Fatal(err)
	}
	for _, medium := range []threepid.Medium{threepid.Email, threepid.MSISDN} {
		saw := map[bool]map[store.Engine][]string{}
		for _, existing := range []bool{false, true} {
			saw[existing] = map[store.Engine][]string{}
			each(t, func(s *story) {
				s.Limited(s.T).Sending(s.T, fraud.Policy{Countries: []string{fraud.Any}, Prices: map[string]fraud.Money{fraud.Any: price}})
				w := &witness{story: s}
				a := email(s.T, "alice@example.org")
				if medium == threepid.MSISDN {
					a = phone(s.T)
				}
				w.signsUp(a, existing)
				saw[existing][s.DB.Engine()] = w.saw
			})
		}
		for engine, others := range saw[false] {
			if diff := cmp.Diff(others, saw[true][engine]); diff != "" || len(others) < 40 {
				t.Errorf("%s on %v, %d lines: -without an account +with one\n%s", medium, engine, len(others), diff)
			}
		}
	}
}

// The address gets an account while a code for it is under way: the same request again is
// the same session and sends nothing, and what was sent stays true. With the next message the
// code is dead, and nothing opens the session any more.
func TestAnAddressThatGetsAnAccountMeanwhile(t *testing.T) {
	each(t, func(s *story) {
		a := email(s.T, "alice@example.org")
		c := s.mustSignUp(a, 1, false)
		m := s.Post.Last(s.T)
		if again := s.mustSignUp(a, 1, true); again != c || len(s.Post.Sent()) != 1 {
			s.Errorf("the same request: the same session %v, %d messages", again == c, len(s.Post.Sent()))
		}
		s.Clock.Advance(time.Minute)
		if again := s.mustSignUp(a, 2, true); again != c || len(s.Post.Sent()) != 2 {
			s.Errorf("a further message: the same session %v, %d messages", again == c, len(s.Post.Sent()))
		}
		s.code(c, m.Code(), verify.ErrWrongCode)
		if _, err := s.Confirm(s.Context(), m.Link()); !errors.Is(err, verify.ErrNoLink) {
			s.Errorf("the old link = %v", err)
		}
		s.proves(c, verify.ErrNotValidated)
	})
}

// Before that message leaves, all is as it was; when it is refused, again.
func TestWhatAnAccountTookAwayComesBackWithARefusal(t *testing.T) {
	each(t, func(s *story) {
		a := email(s.T, "alice@example.org")
		c := s.mustSignUp(a, 1, false)
		code := s.Post.Last(s.T).Code()
		s.Clock.Advance(time.Minute)
		s.Post.Fail(deliver.ErrRefused)
		if _, err := s.signUp(a, 2, true); !errors.Is(err, verify.ErrEmailNotSent) {
			s.Errorf("Request = %v", err)
		}
		s.Post.Fail(nil)
		s.code(c, code, nil)
		s.proves(c, nil)
	})
}

// What was shown before stays shown: it was, and who asked for it learns nothing from its end.
func TestAnAccountTakesNoProofBack(t *testing.T) {
	each(t, func(s *story) {
		a := email(s.T, "alice@example.org")
		c := s.mustSignUp(a, 1, false)
		s.code(c, s.Post.Last(s.T).Code(), nil)
		s.Clock.Advance(time.Minute)
		s.mustSignUp(a, 2, true)
		s.proves(c, nil)
	})
}

// The account is gone: the next message has a code, which opens the session. The guesses
// before count.
func TestAnAddressThatLosesItsAccountMeanwhile(t *testing.T) {
	each(t, func(s *story) {
		a := email(s.T, "alice@example.org")
		c := s.mustSignUp(a, 1, true)
		for range 4 {
			s.code(c, "12345678", verify.ErrWrongCode)
		}
		if again := s.mustSignUp(a, 1, false); again != c || len(s.Post.Sent()) != 1 {
			s.Errorf("the same request: the same session %v, %d messages", again == c, len(s.Post.Sent()))
		}
		s.Clock.Advance(time.Minute)
		s.mustSignUp(a, 2, false)
		code := s.Post.Last(s.T).Code()
		if s.mustSignUp(a, 2, true) != c || len(s.Post.Sent()) != 2 {
			s.Errorf("%d messages", len(s.Post.Sent()))
		}
		s.code(c, other(code), verify.ErrWrongCode)
		s.code(c, code, verify.ErrWrongCode)
		if l, err := s.Confirm(s.Context(), s.Post.Last(s.T).Link()); err != nil || !l.Validated {
			s.Errorf("the link = %+v, %v", l, err)
		}
		s.proves(c, nil)
	})
}

// A message that leaves late, by another process, tells the same.
func TestALateMessageTellsOfTheAccount(t *testing.T) {
	storetest.EachLaidOut(t, verifytest.Owners, func(t *testing.T, url string) {
		s := &story{T: t, World: verifytest.New(t, storetest.Open(t, url, nil))}
		s.Post.Fail(deliver.ErrUnknownOutcome)
		s.mustSignUp(email(t, "alice@example.org"), 1, true)
		s.Post.Fail(nil)
		s.Clock.Advance(time.Minute)
		s.Replica(t, storetest.Open(t, url, nil)).Outbox.AttemptDue(t.Context())
		if m := s.Post.Last(t); m.Code() != "" || !strings.Contains(m.Text, "You already have one there") {
			t.Errorf("the message is\n%s", m.Text)
		}
	})
}

// Who may tell of an account, and where.
func TestWhoMayTellOfAnAccount(t *testing.T) {
	each(t, func(s *story) {
		for _, c := range []struct {
			caller  verify.Caller
			purpose verify.Purpose
			want    error
		}{
			{hs, verify.Register, nil},
			{hs, "", verify.ErrExisting},
			{hs, verify.Verify, verify.ErrExisting},
			{hs, verify.Add, verify.ErrExisting},
			{hs, verify.Reset, verify.ErrExisting},
			{hs, verify.Login, verify.ErrExisting},
			{hs, verify.Manage, verify.ErrPurposeRefused},
			{alice, verify.Verify, verify.ErrExistingRefused},
			{alice, verify.Register, verify.ErrPurposeRefused},
			{verify.Page, verify.Verify, verify.ErrExistingRefused},
		} {
			sent := len(s.Post.Sent())
			_, err := s.Request(s.Context(), verify.Request{Address: email(s.T, "alice@example.org"), ClientSecret: "secret", Caller: c.caller,
				Purpose: c.purpose, SendAttempt: 1, Existing: true})
			if !errors.Is(err, c.want) {
				s.Errorf("%s tells for %q = %v, want %v", c.caller, c.purpose, err, c.want)
			}
			if c.want != nil && len(s.Post.Sent()) != sent {
				s.Errorf("%s tells for %q and a message is sent", c.caller, c.purpose)
			}
		}
	})
}

// The owner sees that they were told so; the user who asked, or for whom was asked, does not.
func TestTheOwnerSeesThatTheyWereTold(t *testing.T) {
	each(t, func(s *story) {
		a := email(s.T, "alice@example.org")
		if _, err := s.Request(s.Context(), verify.Request{Address: a, ClientSecret: "secret", Caller: hs, Purpose: verify.Register, User: "@new:hs.example", SendAttempt: 1, Existing: true}); err != nil {
			s.Fatal(err)
		}
		owners, err := s.Held(s.Context(), a)
		users, usersErr := s.HeldBy(s.Context(), "@new:hs.example")
		if err != nil || usersErr != nil {
			s.Fatal(err, usersErr)
		}
		if all := owners.(verify.Held).Sessions; len(all) != 1 || !all[0].Existing {
			s.Errorf("the owner sees %+v", all)
		}
		if all := users.(verify.Held).Sessions; len(all) != 1 || all[0].Existing {
			s.Errorf("the user sees %+v", all)
		}
	})
}
