package verify_test

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/internal/threepid"
	"signet/verify"
)

// needsCaptcha returns the challenge that a request must have met.
func (s *story) needsCaptcha(err error) verify.CaptchaNeeded {
	s.Helper()
	needed, ok := errors.AsType[verify.CaptchaNeeded](err)
	if !ok {
		s.Fatalf("Request = %v, want a CAPTCHA", err)
	}
	return needed
}

func (s *story) pass(c verify.CaptchaNeeded) {
	s.Helper()
	if err := s.Captcha.Pass(s.Context(), c.Challenge.ID, s.Captcha.Answer(c.Challenge.ID)); err != nil {
		s.Fatal(err)
	}
}

// A request meets a CAPTCHA, and the same request with its answer goes through; one
// pass is one message.
func TestACaptchaIsPassedWithTheRequest(t *testing.T) {
	each(t, func(s *story) {
		s.Verifier.When = verify.Always
		r := verify.Request{Address: email(s.T, "alice@example.org"), ClientSecret: "secret", Caller: alice, SendAttempt: 1}
		_, err := s.Request(s.Context(), r)
		needed := s.needsCaptcha(err)
		if again := s.needsCaptcha(second(s.Request(s.Context(), r))); again.Challenge.ID != needed.Challenge.ID {
			s.Error("the same request meets another CAPTCHA")
		}
		r.Answer = verify.Answer{ID: needed.Challenge.ID, Text: other(s.Captcha.Answer(needed.Challenge.ID))}
		if wrong := s.needsCaptcha(second(s.Request(s.Context(), r))); !wrong.Wrong {
			s.Error("a wrong answer is not said to be wrong")
		}
		if n := len(s.Post.Sent()); n != 0 {
			s.Fatalf("%d messages were sent before the CAPTCHA was passed", n)
		}
		r.Answer.Text = s.Captcha.Answer(needed.Challenge.ID)
		if _, err := s.Request(s.Context(), r); err != nil {
			s.Fatal(err)
		}
		s.Clock.Advance(time.Minute)
		r.SendAttempt = 2
		s.needsCaptcha(second(s.Request(s.Context(), r)))
		if n := len(s.Post.Sent()); n != 1 {
			s.Errorf("%d messages, want 1", n)
		}
	})
}

func second[T any](_ T, err error) error { return err }

// The person passes it on its page, and the client repeats the request unchanged.
func TestACaptchaIsPassedElsewhere(t *testing.T) {
	each(t, func(s *story) {
		s.Verifier.When = verify.Always
		s.pass(s.needsCaptcha(second(s.request(1))))
		s.mustRequest(1)
		s.mustRequest(1) // seen: asks for nothing
		if n := len(s.Post.Sent()); n != 1 {
			s.Errorf("%d messages, want 1", n)
		}
	})
}

// A pass is for the caller and the address that it was asked of.
func TestAPassIsNotForOthers(t *testing.T) {
	each(t, func(s *story) {
		s.Verifier.When = verify.Always
		needed := s.needsCaptcha(second(s.request(1)))
		s.pass(needed)
		base := verify.Request{Address: email(s.T, "alice@example.org"), ClientSecret: "secret", Caller: alice, SendAttempt: 1,
			Answer: verify.Answer{ID: needed.Challenge.ID}}
		for name, change := range map[string]func(*verify.Request){
			"address":    func(r *verify.Request) { r.Address = email(s.T, "bob@example.org") },
			"caller":     func(r *verify.Request) { r.Caller = mallory },
			"homeserver": func(r *verify.Request) { r.Caller = verify.Homeserver("example.org") },
		} {
			r := base
			change(&r)
			if _, err := s.Request(s.Context(), r); err == nil {
				s.Errorf("another %s uses the pass", name)
			}
		}
		if _, err := s.Request(s.Context(), base); err != nil {
			s.Errorf("the one whom it was asked of = %v", err)
		}
	})
}

// Somebody tries again, and their client has made another secret: the pass is good for their
// account, or in their network. Where nobody knows who asks it is for the secret.
func TestAPassIsForWhoeverTriesAgain(t *testing.T) {
	each(t, func(s *story) {
		s.Verifier.When = verify.Always
		const server = "example.org"
		here, there := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.1")
		for who, tt := range map[string]struct {
			first, again verify.Request
			passes       bool
		}{
			"account":  {verify.Request{Caller: alice, Client: here}, verify.Request{Caller: alice, Client: there}, true},
			"user":     {verify.Request{User: "@dora:example.org"}, verify.Request{User: "@eve:example.org"}, false},
			"network":  {verify.Request{Client: here}, verify.Request{Client: here}, true},
			"networks": {verify.Request{Client: here}, verify.Request{Client: there}, false},
			"nobody":   {verify.Request{}, verify.Request{}, false},
		} {
			for r, secret := range map[*verify.Request]string{&tt.first: "secret", &tt.again: "other"} {
				r.Address, r.ClientSecret, r.SendAttempt = email(s.T, who+"@example.org"), secret, 1
				r.Caller = cmp.Or(r.Caller, verify.Homeserver(server))
			}
			s.pass(s.needsCaptcha(second(s.Request(s.Context(), tt.first))))
			if _, err := s.Request(s.Context(), tt.again); (err == nil) != tt.passes {
				s.Errorf("%s: with another secret: %v", who, err)
			}
			if _, err := s.Request(s.Context(), tt.first); (err == nil) == tt.passes {
				s.Errorf("%s: with the first secret afterwards: %v", who, err)
			}
		}
	})
}

// Of many identical requests at the same moment, one spends the pass; none sends twice.
func TestAPassIsSpentOnce(t *testing.T) {
	each(t, func(s *story) {
		s.Verifier.When = verify.Always
		s.pass(s.needsCaptcha(second(s.request(1))))
		answers := make(chan error, 10)
		for range 10 {
			go func() { answers <- second(s.request(1)) }()
		}
		for range 10 {
			if err := <-answers; err != nil {
				s.Errorf("Request = %v", err)
			}
		}
		if n := len(s.Post.Sent()); n != 1 {
			s.Errorf("%d messages, want 1", n)
		}
	})
}

// A stranger has used up an address's messages: its owner passes a CAPTCHA and gets
// one. The stranger's own budgets are not lifted by it.
func TestACaptchaReopensAnExhaustedAddress(t *testing.T) {
	each(t, func(s *story) {
		s.Limited(s.T)
		s.Verifier.When = verify.OnSuspicion
		victim := email(s.T, "victim@example.org")
		for i := range 3 {
			if err := s.ask(victim, user(i, fmt.Sprintf("hs%d.example", i)), fmt.Sprintf("203.0.113.%d", i)); err != nil {
				s.Fatal(err)
			}
		}
		owner := verify.Request{Address: victim, ClientSecret: "owner", Caller: alice, SendAttempt: 1, Client: netip.MustParseAddr("198.51.100.1")}
		s.pass(s.needsCaptcha(second(s.Request(s.Context(), owner))))
		sid, err := s.Request(s.Context(), owner)
		if err != nil {
			s.Fatal(err)
		}
		s.submit(verify.Credentials{SID: sid, ClientSecret: "owner"}, s.Post.Last(s.T).Code(), nil)
		for i := range 5 {
			r := verify.Request{Address: email(s.T, fmt.Sprintf("v@example%d.org", i)), ClientSecret: "s", Caller: mallory, SendAttempt: 1}
			_, err := s.Request(s.Context(), r)
			if needed, ok := errors.AsType[verify.CaptchaNeeded](err); ok {
				s.pass(needed)
				_, err = s.Request(s.Context(), r)
			}
			if err != nil {
				s.Fatalf("message %d = %v", i, err)
			}
		}
		wantLimit(s, s.ask(email(s.T, "v@example99.org"), mallory, "203.0.113.77"))
	})
}

// A stranger uses up an address's guesses: its owner, who knows nothing of that, meets a
// CAPTCHA with the next request and can type the code, whenever that is.
func TestStrangersGuessesDoNotSilenceTheOwner(t *testing.T) {
	for _, address := range []string{"victim@example.org", "+4915112345678"} {
		for _, later := range []time.Duration{0, time.Second, 10 * time.Minute} {
			each(t, func(s *story) {
				s.Limited(s.T)
				s.Verifier.When = verify.OnSuspicion
				victim := anyAddress(s.T, address)
				for i := range 2 {
					c := verify.Caller(user(i, fmt.Sprintf("hs%d.example", i)))
					sid, err := s.Request(s.Context(), verify.Request{Address: victim, ClientSecret: "s", Caller: c, SendAttempt: 1})
					if err != nil {
						break // a CAPTCHA stops them already
					}
					for range 5 {
						_ = s.Submit(s.Context(), verify.Credentials{SID: sid, ClientSecret: "s"}, c, other(s.Post.Last(s.T).Code()))
					}
				}
				s.Clock.Advance(later)
				owner := verify.Request{Address: victim, ClientSecret: "owner", Caller: alice, SendAttempt: 1}
				_, err := s.Request(s.Context(), owner)
				if needed, ok := errors.AsType[verify.CaptchaNeeded](err); ok {
					s.pass(needed)
				}
				sid, err := s.Request(s.Context(), owner)
				if err != nil {
					s.Fatal(err)
				}
				credentials := verify.Credentials{SID: sid, ClientSecret: "owner"}
				s.submit(credentials, other(s.Post.Last(s.T).Code()), verify.ErrWrongCode) // owners mistype, too
				s.submit(credentials, s.Post.Last(s.T).Code(), nil)
			})
		}
	}
}

// Patient guesses, a few a day, are no way around that.
func TestPatientGuessesMeetACaptcha(t *testing.T) {
	each(t, func(s *story) {
		s.Limited(s.T)
		s.Verifier.When = verify.OnSuspicion
		victim := number(s.T, "+4915112345678")
		met, wrong := 0, 0
		for n := range 40 {
			c := user(n, fmt.Sprintf("hs%d.example", n))
			sid, err := s.Request(s.Context(), verify.Request{Address: victim, ClientSecret: "x", Caller: c, SendAttempt: 1})
			if _, ok := errors.AsType[verify.CaptchaNeeded](err); ok {
				met++
			} else if err != nil {
				s.Fatal(err)
			}
			for range 5 {
				if errors.Is(s.Submit(s.Context(), verify.Credentials{SID: sid, ClientSecret: "x"}, c, "000000"), verify.ErrWrongCode) {
					wrong++
				}
			}
			s.Clock.Advance(10 * time.Hour)
		}
		if wrong > 160 || met == 0 { // a hundred, and what comes back in 17 of 30 days
			s.Errorf("%d wrong codes, %d CAPTCHAs", wrong, met)
		}
	})
}

func anyAddress(t testing.TB, text string) threepid.Address {
	if text[0] == '+' {
		return number(t, text)
	}
	return email(t, text)
}

// Over all its sessions an address takes ten wrong codes an hour; the eleventh is told
// to wait, in a session that has guesses left, and the link still works.
func TestAnAddressTakesTenGuessesAnHour(t *testing.T) {
	each(t, func(s *story) {
		s.Limited(s.T)
		victim := email(s.T, "victim@example.org")
		var last verify.Credentials
		var who verify.Caller
		for i := range 3 {
			who = user(i, fmt.Sprintf("hs%d.example", i))
			sid, err := s.Request(s.Context(), verify.Request{Address: victim, ClientSecret: "s", Caller: who, SendAttempt: 1})
			if err != nil {
				s.Fatal(err)
			}
			last = verify.Credentials{SID: sid, ClientSecret: "s"}
			for range 5 {
				err := s.Submit(s.Context(), last, who, other(s.Post.Last(s.T).Code()))
				if i < 2 && !errors.Is(err, verify.ErrWrongCode) {
					s.Fatalf("Submit = %v", err)
				}
				if i == 2 {
					wantLimit(s, err)
				}
			}
		}
		wantLimit(s, s.Submit(s.Context(), last, who, s.Post.Last(s.T).Code()))
		if _, err := s.Confirm(s.Context(), s.Post.Last(s.T).Link()); err != nil {
			s.Errorf("the link = %v", err)
		}
	})
}

// Right codes cost no guesses.
func TestRightCodesAreNotCharged(t *testing.T) {
	each(t, func(s *story) {
		s.Limited(s.T)
		for i := range 12 {
			s.Clock.Advance(3 * time.Hour)
			secret := fmt.Sprint("secret", i)
			sid, err := s.Request(s.Context(), verify.Request{Address: email(s.T, "alice@example.org"), ClientSecret: secret, Caller: alice, SendAttempt: 1})
			if err != nil {
				s.Fatal(err)
			}
			s.submit(verify.Credentials{SID: sid, ClientSecret: secret}, s.Post.Last(s.T).Code(), nil)
		}
	})
}

// A homeserver's challenge counts once for its own sign-up and once for the first
// message, so that nobody solves two; a third use is refused, and another homeserver's.
func TestAHomeserversChallengeCoversTheFirstMessage(t *testing.T) {
	each(t, func(s *story) {
		s.Verifier.When = verify.Always
		c, err := s.NewChallenge(s.Context(), "hs.example")
		if err != nil {
			s.Fatal(err)
		}
		answer := verify.Answer{ID: c.ID, Text: s.Captcha.Answer(c.ID)}
		if err := s.CheckChallenge(s.Context(), "evil.example", verify.Answer{ID: c.ID}); err == nil {
			s.Error("another homeserver uses the challenge")
		}
		if err := s.CheckChallenge(s.Context(), "hs.example", answer); err != nil {
			s.Fatal(err)
		}
		if err := s.CheckChallenge(s.Context(), "hs.example", answer); err == nil {
			s.Error("a challenge is good for two sign-ups")
		}
		ask := func(address string, caller verify.Caller) error {
			_, err := s.Request(s.Context(), verify.Request{Address: email(s.T, address), ClientSecret: "secret", Caller: caller,
				Purpose: verify.Register, SendAttempt: 1, Answer: verify.Answer{ID: c.ID}})
			return err
		}
		s.needsCaptcha(ask("new@example.org", verify.Homeserver("evil.example")))
		if err := ask("new@example.org", verify.Homeserver("hs.example")); err != nil {
			s.Errorf("the first message = %v", err)
		}
		s.needsCaptcha(ask("newer@example.org", verify.Homeserver("hs.example")))
	})
}

// A homeserver has so many challenges made, but the operator's as many as its people need:
// whoever used them up would keep everybody from signing up there.
func TestTheOperatorsHomeserverHasItsChallenges(t *testing.T) {
	each(t, func(s *story) {
		s.Limited(s.T)
		s.Verifier.OwnHomeservers = map[matrix.ServerName]bool{"own.example": true}
		for server, want := range map[matrix.ServerName]int{"own.example": 310, "hs.example": 300} {
			made := 0
			for range 310 {
				_, err := s.NewChallenge(s.Context(), server)
				if _, limited := errors.AsType[matrix.LimitExceeded](err); err != nil && !limited {
					s.Fatal(err)
				}
				if err == nil {
					made++
				}
			}
			if made != want {
				s.Errorf("%s has %d made, want %d", server, made, want)
			}
		}
	})
}

// One network opens so many challenges and no more.
func TestChallengesAreLimited(t *testing.T) {
	each(t, func(s *story) {
		s.Limited(s.T)
		s.Verifier.When = verify.Always
		for i := range 21 {
			err := s.ask(email(s.T, fmt.Sprintf("v@example%d.org", i)), verify.Page, "203.0.113.1")
			if i == 20 {
				wantLimit(s, err)
			} else {
				s.needsCaptcha(err)
			}
		}
	})
}

// What adds up to a CAPTCHA, and what does not.
func TestSignals(t *testing.T) {
	sms, mail := func(t *testing.T) threepid.Address { return number(t, "+4915112345678") }, func(t *testing.T) threepid.Address { return email(t, "alice@example.org") }
	for name, c := range map[string]struct {
		to     func(t *testing.T) threepid.Address
		before func(s *story)
		caller verify.Caller
		asked  bool
	}{
		"an e-mail of somebody unknown":             {mail, func(s *story) { s.Verifier.Acquaintance = strangers{} }, alice, false},
		"an SMS of somebody known":                  {sms, func(s *story) {}, alice, false},
		"an SMS of somebody unknown":                {sms, func(s *story) { s.Verifier.Acquaintance = strangers{} }, alice, true},
		"an SMS by an unknown homeserver":           {sms, func(s *story) { s.Verifier.Acquaintance = strangers{} }, verify.Homeserver("hs.example"), true},
		"an e-mail after another that came to none": {mail, func(s *story) { askOther(s) }, alice, true},
		"an e-mail after another an hour ago":       {mail, func(s *story) { askOther(s); s.Clock.Advance(time.Hour) }, alice, false},
		"an SMS from where machines live": {sms, func(s *story) {
			s.Verifier.SuspectNetworks = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}
		}, alice, true},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(s *story) {
				s.Limited(s.T)
				s.Verifier.When = verify.OnSuspicion
				c.before(s)
				err := s.ask(c.to(s.T), c.caller, "203.0.113.1")
				_, asked := errors.AsType[verify.CaptchaNeeded](err)
				if asked != c.asked || !asked && err != nil {
					s.Errorf("Request = %v; a CAPTCHA is wanted: %v", err, c.asked)
				}
			})
		})
	}
}

func askOther(s *story) {
	if err := s.ask(email(s.T, "typo@example.org"), alice, "203.0.113.1"); err != nil {
		s.Fatal(err)
	}
}

// Without a CAPTCHA to offer, a used up address must wait.
func TestWithoutCaptchaALimitIsALimit(t *testing.T) {
	each(t, func(s *story) {
		s.Limited(s.T)
		got := s.untilRefused(func(i int) error {
			return s.ask(email(s.T, "victim@example.org"), user(i, fmt.Sprintf("hs%d.example", i)), fmt.Sprintf("203.0.113.%d", i))
		})
		if got != 3 {
			s.Errorf("%d messages, want 3", got)
		}
	})
}
