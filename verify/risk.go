package verify

import (
	"context"
	"fmt"
	"time"

	"signet/internal/matrix"
	"signet/internal/threepid"
)

// When says of whom a CAPTCHA is asked before a message is sent.
type When string

// The choices of captcha.when. OnSuspicion asks those whose signals add up.
const (
	Never       When = "never"
	OnSuspicion When = "suspicion"
	Always      When = "always"
)

// Standing is how far a homeserver is known here.
type Standing int

// A Newcomer was first heard of less than a week ago, by its own signature or a token of
// one of its users; Own ones are the operator's.
const (
	Newcomer Standing = iota
	Known
	Own
)

// Acquaintance tells since when callers are known, as caller.Gate does.
type Acquaintance interface {
	// FirstSeen is when a homeserver was first heard of; false if never.
	FirstSeen(ctx context.Context, server matrix.ServerName) (time.Time, bool, error)
	// AccountSince is when an account first registered here; false if it has not.
	AccountSince(ctx context.Context, user matrix.UserID) (time.Time, bool, error)
}

const (
	newcomerFor   = 7 * 24 * time.Hour
	newAccountFor = 24 * time.Hour
	recently      = 10 * time.Minute
	thisHour      = time.Hour
	today         = 24 * time.Hour
	// halfUsed is the share of a budget from which on it counts as a signal.
	halfUsed = 0.5
	// A text message costs money and a CAPTCHA does not: one signal is enough. An
	// e-mail needs two, or whoever mistyped an address would meet one.
	smsThreshold   = 1
	emailThreshold = 2
)

// signals are what speaks against a request, each of a subject: whose fault it would be.
type signals struct {
	newAccount   bool // account: first seen less than a day ago; text messages only
	newcomer     bool // homeserver: first seen less than a week ago; text messages only
	manyTargets  bool // asker: another address within ten minutes
	unverified   bool // asker: a message to another address this hour whose code did not come back
	halfUsed     bool // any: a budget of the request is half used up
	suspectRange bool // network: on the operator's list of data centres and exits
	fraud        bool // number: its prefix or country sends back few codes, or is a costly one
	guessed      bool // address: more than half of its guesses are used, which alone is enough
}

func (s signals) score() (n int) {
	for _, signal := range []bool{s.newAccount, s.newcomer, s.manyTargets, s.unverified, s.halfUsed, s.suspectRange, s.fraud} {
		if signal {
			n++
		}
	}
	return n
}

// suspicious tells whether the signals add up to a CAPTCHA.
func (s signals) suspicious(m threepid.Medium) bool {
	if m == threepid.MSISDN {
		return s.score() >= smsThreshold
	}
	return s.score() >= emailThreshold
}

// standing is how far the homeserver behind a caller is known; a page has none.
func (v *Verifier) standing(ctx context.Context, c Caller) (Standing, error) {
	server := c.Homeserver()
	switch {
	case v.OwnHomeservers[server]:
		return Own, nil
	case server == "" || v.Acquaintance == nil:
		return Known, nil
	}
	since, seen, err := v.Acquaintance.FirstSeen(ctx, server)
	if err != nil {
		return Newcomer, err
	}
	if !seen || v.Now().Sub(since) < newcomerFor {
		return Newcomer, nil
	}
	return Known, nil
}

// newAccount tells whether the account that asks was first seen less than a day ago.
func (v *Verifier) newAccount(ctx context.Context, c Caller) (bool, error) {
	user, ok := c.Account()
	if !ok || v.Acquaintance == nil {
		return false, nil
	}
	since, seen, err := v.Acquaintance.AccountSince(ctx, user)
	return err == nil && (!seen || v.Now().Sub(since) < newAccountFor), err
}

// acquaint reads what is known of a request's caller and address.
func (v *Verifier) acquaint(ctx context.Context, r Request) (a asking, s signals, err error) {
	a = asking{Request: r, asker: v.askerOf(r)}
	if a.standing, err = v.standing(ctx, r.Caller); err != nil {
		return a, s, fmt.Errorf("reading since when a homeserver is known: %w", err)
	}
	if r.Address.Medium() == threepid.MSISDN {
		s.newcomer = a.standing == Newcomer
		if s.newAccount, err = v.newAccount(ctx, r.Caller); err != nil {
			return a, s, fmt.Errorf("reading since when an account is known: %w", err)
		}
	}
	s.suspectRange = v.suspect(r.Client)
	if a.suppressed, err = v.suppressions(ctx, r.Address); err != nil {
		return a, s, err
	}
	shares, err := v.Quota.Share(ctx, v.DB, guessTariff(r.Address.Medium()).charges(a, false)...)
	if err != nil {
		return a, s, fmt.Errorf("reading how much was guessed: %w", err)
	}
	for _, share := range shares {
		s.guessed = s.guessed || share > halfUsed
	}
	return a, s, v.look(ctx, &a, &s)
}

// askerOf is by whom requests are told from others': an account, or the person behind a
// page or a homeserver, as far as the network shows. Empty: by nobody.
func (v *Verifier) askerOf(r Request) []byte {
	switch {
	case r.User != "":
		return v.userTag(r.User)
	case r.Client.IsValid():
		return v.index.Of("asker", "network", network(asking{Request: r}))
	}
	return []byte{}
}

// userTag is by what the requests for a user are found.
func (v *Verifier) userTag(user matrix.UserID) []byte {
	return v.index.Of("asker", "user", user.String())
}

// look adds what the asker has done lately.
func (v *Verifier) look(ctx context.Context, a *asking, s *signals) error {
	if len(a.asker) == 0 {
		return nil
	}
	now := v.Now()
	lately, err := selectLately(ctx, v.DB, latelyQuery{
		asker: a.asker, address: v.indexOf(a.Address),
		recently: now.Add(-recently), thisHour: now.Add(-thisHour), today: now.Add(-today),
	})
	if err != nil {
		return fmt.Errorf("reading what was asked lately: %w", err)
	}
	a.newAddress, s.manyTargets, s.unverified = !lately.sameAddress, lately.otherAddresses > 0, lately.unverified
	return nil
}
