package account_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/fedclient"
	"signet/internal/homeserver/account"
	"signet/internal/idclient"
	"signet/internal/matrix"
)

// captchas is an identity server that makes CAPTCHAs, whose answers are "right": it tells of
// each once that it was met.
type captchas struct {
	mu     sync.Mutex // guards the rest
	made   int
	asked  int             // how often it was asked about one
	passed map[string]bool // on their pages
	told   map[string]bool
	down   error
	lie    func(*idclient.Challenge)
	said   func() // is called when it has told that one was met
	expire func() time.Time
}

func (c *captchas) NewChallenge(context.Context) (idclient.Challenge, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down != nil {
		return idclient.Challenge{}, c.down
	}
	c.made++
	page := fmt.Sprint("https://id.test/c/", c.made)
	made := idclient.Challenge{ID: fmt.Sprint("C", c.made), URL: page, ImageURL: page + "/image", AudioURL: page + "/audio", ExpiresAt: c.expire().UnixMilli()}
	if c.lie != nil {
		c.lie(&made)
	}
	return made, nil
}

func (c *captchas) CheckChallenge(_ context.Context, id, answer string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	switch {
	case c.down != nil:
		return c.down
	case c.told[id] || answer != "right" && !c.passed[id]:
		return fmt.Errorf("asking: %w", fedclient.Refusal{Status: 400, Errcode: matrix.CaptchaInvalid})
	}
	c.told[id] = true
	if c.said != nil {
		c.said()
	}
	return nil
}

// eachCaptcha tells the story at a server with these flows and an identity server.
func eachCaptcha(t *testing.T, flows account.Flows, story func(w *world, id *captchas)) {
	each(t, func(w *world) {
		id := &captchas{passed: map[string]bool{}, told: map[string]bool{}, expire: func() time.Time { return w.clock.Now().Add(10 * time.Minute) }}
		w.Accounts = w.openAt(flows, id)
		story(w, id)
	})
}

// openAt is open at a server with an identity server and terms.
func (w *world) openAt(flows account.Flows, id account.Captchas) *account.Accounts {
	w.Helper()
	o := w.options(flows)
	o.Captchas, o.Terms = id, account.Terms{
		"privacy": {Version: "1.2", Languages: map[string]account.Translation{"en": {Name: "Privacy", URL: "https://hs.test/1.2"}}},
		"conduct": {Version: "7", Languages: map[string]account.Translation{"de": {Name: "Umgang", URL: "https://hs.test/7"}}},
	}
	a, err := account.New(w.Context(), o)
	if err != nil {
		w.Fatal(err)
	}
	return a
}

// solve registers by the session, with that answer.
func (w *world) solve(name, session, answer string) error {
	r := wish(name)
	r.Auth = &account.Auth{Stage: account.StageCaptcha, Session: session, Answer: answer}
	_, err := w.Register(w.Context(), r)
	return err
}

var byCaptcha = account.Flows{{account.StageCaptcha}}

// Whoever is wrong sees another picture in the same session; whoever is right has an account.
func TestCaptcha(t *testing.T) {
	eachCaptcha(t, byCaptcha, func(w *world, id *captchas) {
		_, err := w.Register(w.Context(), account.Registration{})
		first := w.challenge(err)
		if first.Captcha.ID != "C1" || first.Captcha.ImageURL != "https://id.test/c/1/image" {
			w.Errorf("the first challenge shows %+v", first.Captcha)
		}
		again := w.challenge(w.solve("alice", first.Session, "wrong"))
		if again.Session != first.Session || again.Captcha.ID != "C2" || !errors.Is(again.Reason, account.ErrCaptcha) {
			w.Errorf("after a wrong answer: %+v, want another picture in the same session", again)
		}
		if same := w.challenge(w.solve("alice", first.Session, "")); same.Captcha.ID != "C2" || !errors.Is(same.Reason, account.ErrCaptcha) {
			w.Errorf("a page that was not used: %+v, want the same picture", same)
		}
		if err := w.solve("alice", first.Session, "right"); err != nil {
			w.Errorf("the right answer: %v", err)
		}
		if id.made != 2 {
			w.Errorf("%d CAPTCHAs were made, want 2", id.made)
		}
	})
}

func TestACaptchaPassedOnItsPage(t *testing.T) {
	eachCaptcha(t, byCaptcha, func(w *world, id *captchas) {
		_, err := w.Register(w.Context(), account.Registration{})
		c := w.challenge(err)
		id.passed[c.Captcha.ID] = true
		w.clock.Advance(11 * time.Minute) // which was in time
		if err := w.solve("alice", c.Session, ""); err != nil {
			w.Errorf("after its page: %v", err)
		}
	})
}

// A challenge is one session's: neither what somebody else has solved nor what was solved once
// makes a second account.
func TestOneCaptchaIsOneAccount(t *testing.T) {
	eachCaptcha(t, byCaptcha, func(w *world, id *captchas) {
		_, err := w.Register(w.Context(), account.Registration{})
		mine := w.challenge(err)
		_, err = w.Register(w.Context(), account.Registration{})
		theirs := w.challenge(err)
		id.passed[mine.Captcha.ID] = true
		before := w.rows()["account_users"]
		for name, session := range map[string]string{"another's session": theirs.Session, "none": "", "a forged one": mine.Session + "x"} {
			if got := w.challenge(w.solve("mallory", session, "")); got.Reason == nil {
				w.Errorf("%s: no reason", name)
			}
		}
		if w.rows()["account_users"] != before {
			w.Error("somebody got in")
		}
		if err := w.solve("alice", mine.Session, ""); err != nil {
			w.Fatal(err)
		}
		if got := w.challenge(w.solve("bob", mine.Session, "right")); !errors.Is(got.Reason, account.ErrUIASession) {
			w.Errorf("once more: %v, want %v", got.Reason, account.ErrUIASession)
		}
	})
}

// Twenty answer at the same moment, and one account is made; twenty are wrong, and one picture
// is drawn for all of them.
func TestManyAnswersAtOnce(t *testing.T) {
	const n = 20
	eachCaptcha(t, byCaptcha, func(w *world, id *captchas) {
		_, err := w.Register(w.Context(), account.Registration{})
		session := w.challenge(err).Session
		crowd(n, func(i int) error { return w.solve(fmt.Sprint("user", i), session, "wrong") })
		_, err = w.Register(w.Context(), account.Registration{Auth: &account.Auth{Session: session}})
		shown := w.challenge(err).Captcha.ID
		if _, err := w.Register(w.Context(), account.Registration{Auth: &account.Auth{Session: session}}); w.challenge(err).Captcha.ID != shown {
			w.Error("the picture does not stay")
		}
		errs := crowd(n, func(i int) error { return w.solve(fmt.Sprint("user", i), session, "right") })
		if won := counted(errs, nil); won != 1 || w.rows()["account_users"] != 1 {
			w.Errorf("%d accounts by one CAPTCHA: %v", won, errors.Join(errs...))
		}
	})
}

// The server ends in the moment in which it is told that a CAPTCHA was met: that is told once, so
// the person solves another, in the same session.
func TestAPassThatWasNotNoted(t *testing.T) {
	eachCaptcha(t, byCaptcha, func(w *world, id *captchas) {
		_, err := w.Register(w.Context(), account.Registration{})
		session := w.challenge(err).Session
		ctx, end := context.WithCancel(w.Context())
		id.said = end
		r := wish("alice")
		r.Auth = &account.Auth{Stage: account.StageCaptcha, Session: session, Answer: "right"}
		if _, err := w.Register(ctx, r); !errors.Is(err, context.Canceled) {
			w.Fatalf("Register = %v, want %v", err, context.Canceled)
		}
		id.said = nil
		again := w.challenge(w.solve("alice", session, "right"))
		if len(again.Completed) != 0 || !errors.Is(again.Reason, account.ErrCaptcha) || again.Captcha.ID != "C2" {
			w.Errorf("the same answer: %+v, want another picture", again)
		}
		if n := w.rows()["account_users"]; n != 0 {
			w.Errorf("%d accounts, want none yet", n)
		}
		if err := w.solve("alice", session, "right"); err != nil {
			w.Errorf("another: %v", err)
		}
	})
}

// While the identity server is away nothing is lost, and nobody passes.
func TestTheIdentityServerIsAway(t *testing.T) {
	eachCaptcha(t, byCaptcha, func(w *world, id *captchas) {
		_, err := w.Register(w.Context(), account.Registration{})
		c := w.challenge(err)
		for _, down := range []error{fedclient.ErrUnreachable, fedclient.ErrBadAnswer, fedclient.ErrTooLarge, context.DeadlineExceeded,
			fedclient.Refusal{Status: 500, Errcode: matrix.Unknown}, fedclient.Refusal{Status: 403, Errcode: matrix.Forbidden}, fedclient.Refusal{Status: 404, Errcode: matrix.Unrecognized}} {
			id.down = down
			before := w.rows()
			if _, err := w.Register(w.Context(), account.Registration{}); !errors.Is(err, account.ErrIdentityServer) {
				w.Errorf("%v: a new session: %v, want %v", down, err, account.ErrIdentityServer)
			}
			for _, answer := range []string{"right", "wrong", ""} {
				if err := w.solve("alice", c.Session, answer); !errors.Is(err, account.ErrIdentityServer) {
					w.Errorf("%v: %q: %v, want %v", down, answer, err, account.ErrIdentityServer)
				}
			}
			if after := w.rows(); !maps.Equal(before, after) {
				w.Errorf("%v: %v became %v", down, before, after)
			}
		}
		id.down = fedclient.Refusal{Status: 429, Errcode: matrix.LimitExceededCode, RetryAfter: 7 * time.Second}
		if limit, ok := errors.AsType[matrix.LimitExceeded](w.solve("alice", c.Session, "right")); !ok || limit.RetryAfter != 7*time.Second {
			w.Errorf("too many CAPTCHAs: %v, %v; want to wait 7 seconds", limit, ok)
		}
		id.down = nil
		if err := w.solve("alice", c.Session, "right"); err != nil {
			w.Errorf("after its return: %v", err)
		}
	})
}

// Where there is another way in, it stays open without CAPTCHAs.
func TestAnotherWayStaysOpen(t *testing.T) {
	eachCaptcha(t, account.Flows{{account.StageCaptcha}, {account.StageRegistrationToken}}, func(w *world, id *captchas) {
		id.down = fedclient.ErrUnreachable
		r := wish("alice")
		r.Auth = nil
		_, err := w.Register(w.Context(), r)
		c := w.challenge(err)
		if c.Captcha.ID != "" {
			w.Errorf("a CAPTCHA of nobody: %+v", c.Captcha)
		}
		if _, err := w.Progress(w.Context(), c.Session, account.StageCaptcha, nil); err != nil {
			w.Errorf("Progress = %v", err)
		}
		r.Auth = &account.Auth{Stage: account.StageRegistrationToken, Session: c.Session, Token: w.regToken(1)}
		if _, err := w.Register(w.Context(), r); err != nil {
			w.Errorf("by a token: %v", err)
		}
	})
}

// What an identity server says is not shown to people before it was looked at.
func TestCaptchasThatAreNone(t *testing.T) {
	eachCaptcha(t, byCaptcha, func(w *world, id *captchas) {
		for name, lie := range map[string]func(*idclient.Challenge){
			"no id":           func(c *idclient.Challenge) { c.ID = "" },
			"a script":        func(c *idclient.Challenge) { c.ImageURL = "javascript:alert(1)" },
			"no picture":      func(c *idclient.Challenge) { c.ImageURL = "" },
			"a local sound":   func(c *idclient.Challenge) { c.AudioURL = "/audio" },
			"another policy":  func(c *idclient.Challenge) { c.ImageURL = "https://id.test; script-src */image" },
			"a user's secret": func(c *idclient.Challenge) { c.URL = "https://a:b@id.test/" },
		} {
			id.lie = lie
			if _, err := w.Register(w.Context(), account.Registration{}); !errors.Is(err, account.ErrIdentityServer) || !errors.Is(err, fedclient.ErrBadAnswer) {
				w.Errorf("%s: %v, want %v", name, err, fedclient.ErrBadAnswer)
			}
		}
		if n := w.rows()["account_uia"]; n != 0 {
			w.Errorf("%d sessions, want none", n)
		}
	})
}

// A picture that has ended is drawn anew, an hour after it was made at the latest.
func TestPicturesEnd(t *testing.T) {
	eachCaptcha(t, byCaptcha, func(w *world, id *captchas) {
		_, err := w.Register(w.Context(), account.Registration{})
		session := w.challenge(err).Session
		shown := func() string {
			w.Helper()
			p, err := w.Progress(w.Context(), session, account.StageCaptcha, nil)
			if err != nil || !p.Next {
				w.Fatalf("Progress = %+v, %v", p, err)
			}
			return p.Captcha.ID
		}
		w.clock.Advance(8 * time.Minute)
		if got := shown(); got != "C1" {
			w.Errorf("after 8 minutes %s, want C1", got)
		}
		w.clock.Advance(2 * time.Minute)
		if got := shown(); got != "C2" {
			w.Errorf("after 10 minutes %s, want C2", got)
		}
		if err := w.AnotherCaptcha(w.Context(), session); err != nil {
			w.Error(err)
		}
		if got := shown(); got != "C3" {
			w.Errorf("when another was asked for %s, want C3", got)
		}
		id.expire = func() time.Time { return w.clock.Now().Add(1000 * time.Hour) }
		_, err = w.Register(w.Context(), account.Registration{})
		if c := w.challenge(err).Captcha; c.ExpiresAt != w.clock.Now().Add(time.Hour).UnixMilli() {
			w.Errorf("a picture for 1,000 hours ends at %d", c.ExpiresAt)
		}
		for _, id := range []string{"", "nonsense"} {
			if err := w.AnotherCaptcha(w.Context(), id); !errors.Is(err, account.ErrUIASession) {
				w.Errorf("AnotherCaptcha(%q) = %v, want %v", id, err, account.ErrUIASession)
			}
		}
	})
}

// What was accepted stands with the account, and goes with all else that is erased.
func TestTerms(t *testing.T) {
	eachCaptcha(t, account.Flows{{account.StageTerms, account.StageDummy}}, func(w *world, _ *captchas) {
		r := wish("alice")
		r.Auth = &account.Auth{Stage: account.StageTerms}
		_, err := w.Register(w.Context(), r)
		c := w.challenge(err)
		if len(c.Completed) != 1 || c.Terms["privacy"].Version != "1.2" {
			w.Errorf("after the terms: %+v", c)
		}
		r.Auth = &account.Auth{Stage: account.StageDummy, Session: c.Session}
		login, err := w.Register(w.Context(), r)
		if err != nil {
			w.Fatal(err)
		}
		got, err := w.AcceptedTerms(w.Context(), login.User)
		if want := map[string]string{"privacy": "1.2", "conduct": "7"}; err != nil || !maps.Equal(got, want) {
			w.Errorf("AcceptedTerms = %v, %v; want %v", got, err, want)
		}
		for _, erase := range []bool{false, true} {
			if erase {
				r := wish("bob")
				_, err := w.Register(w.Context(), account.Registration{})
				session := w.challenge(err).Session
				for _, stage := range []account.Stage{account.StageTerms, account.StageDummy} {
					r.Auth = &account.Auth{Stage: stage, Session: session}
					login, err = w.Register(w.Context(), r)
				}
				if err != nil {
					w.Fatal(err)
				}
			}
			if err := w.DeactivateUser(w.Context(), login.User, erase); err != nil {
				w.Fatal(err)
			}
			if got, err := w.AcceptedTerms(w.Context(), login.User); err != nil || (len(got) == 0) != erase {
				w.Errorf("after an end with erasure %v: %v, %v", erase, got, err)
			}
		}
	})
}

// Flows are not offered whose stages nobody could pass.
func TestFlowsThatLackSomething(t *testing.T) {
	each(t, func(w *world) {
		for _, stage := range []account.Stage{account.StageCaptcha, account.StageTerms} {
			if _, err := account.New(w.Context(), w.options(account.Flows{{stage}})); !errors.Is(err, account.ErrFlow) {
				w.Errorf("New with %s = %v, want %v", stage, err, account.ErrFlow)
			}
		}
	})
}

// Ten thousand begin to register, and somebody among them goes on; an hour later nothing is
// left of the others. Nobody finds a session by guessing at one.
func TestTenThousandSessions(t *testing.T) {
	const n, at = 10_000, 100
	eachCaptcha(t, byCaptcha, func(w *world, id *captchas) {
		sessions := make([]string, n)
		crowd(at, func(i int) error {
			for j := i; j < n; j += at {
				_, err := w.Register(context.WithoutCancel(w.Context()), account.Registration{})
				c, is := errors.AsType[account.Challenge](err)
				if !is {
					return err
				}
				sessions[j] = c.Session
			}
			return nil
		})
		if rows := w.rows()["account_uia"]; rows != n || id.made != n {
			w.Fatalf("%d sessions and %d CAPTCHAs, want %d", rows, id.made, n)
		}
		for _, forged := range []string{sessions[1][1:], strings.ToUpper(sessions[2]), sessions[3] + "=", " " + sessions[4], sessions[5][:42] + "."} {
			if got := w.challenge(w.solve("mallory", forged, "right")); !errors.Is(got.Reason, account.ErrUIASession) {
				w.Errorf("by %q: %v, want %v", forged, got.Reason, account.ErrUIASession)
			}
		}
		if err := w.solve("alice", sessions[n/2], "right"); err != nil {
			w.Errorf("one of them goes on: %v", err)
		}
		w.clock.Advance(time.Hour)
		if err := w.Sweep(w.Context()); err != nil {
			w.Fatal(err)
		}
		if rows := w.rows()["account_uia"]; rows != 0 {
			w.Errorf("%d sessions are left", rows)
		}
	})
}
