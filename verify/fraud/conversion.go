package fraud

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"signet/internal/store"
	"signet/internal/threepid"
)

const (
	// slot is how finely time is counted. It is no shorter than a code's life, so that
	// of a slot before the last all codes have come or died.
	slot = 10 * time.Minute
	// judged is how far back counts.
	judged = 24 * time.Hour
	// blockDigits are the last digits of a number, which neighbours differ in.
	blockDigits = 4
)

// scope is whose messages are counted together: a block of numbers or a country.
type scope struct{ key, country string }

// scopes are what a number is part of. A block is found by a keyed tag of its digits,
// and of its country, so that it has one.
func (g *Guard) scopes(number threepid.Address) (block, country scope) {
	digits, c := number.String(), number.Country()
	tag := g.index.Of(c, digits[:max(0, len(digits)-blockDigits)])
	return scope{hex.EncodeToString(tag), c}, scope{c, c}
}

func slotOf(t time.Time) int64 { return t.Truncate(slot).UnixMilli() }

// Sent counts a message to number, as part of tx. Admit does not: a message that is
// charged may still be refused by whoever carries it.
func (g *Guard) Sent(ctx context.Context, tx *store.Tx, number threepid.Address, at time.Time) error {
	return g.count(ctx, tx, number, at, countSent)
}

// Unsent takes back what Sent counted, for a message that did not leave after all.
func (g *Guard) Unsent(ctx context.Context, tx *store.Tx, number threepid.Address, sentAt time.Time) error {
	return g.count(ctx, tx, number, sentAt, uncountSent)
}

// Validated counts a code that came back, for the time at which it was sent: it is
// messages that are judged, not hours. A code counts once, so it must not be told of
// again.
func (g *Guard) Validated(ctx context.Context, tx *store.Tx, number threepid.Address, sentAt time.Time) error {
	return g.count(ctx, tx, number, sentAt, countValidated)
}

// count writes the block before the country, always: two that took their rows in
// different orders could wait for each other.
func (g *Guard) count(ctx context.Context, tx *store.Tx, number threepid.Address, at time.Time,
	write func(context.Context, *store.Tx, scope, int64) error) error {
	if number.Medium() != threepid.MSISDN {
		return ErrNumberType
	}
	block, country := g.scopes(number)
	for _, s := range []scope{block, country} {
		if err := write(ctx, tx, s, slotOf(at)); err != nil {
			return fmt.Errorf("counting a text message: %w", err)
		}
	}
	return nil
}

// tally is how many messages were sent and how many of their codes came back.
type tally struct{ sent, validated int64 }

// grade is what a tally says of those it is about.
type grade int

const (
	people grade = iota // or too few to tell
	suspicious
	machines
)

// grade divides instead of multiplying: the quotient of two whole numbers and the
// decimal of a configuration are rounded alike, so 1 of 20 is not below 0.05.
func (c Conversion) grade(t tally) grade {
	if t.sent < int64(c.After) {
		return people
	}
	switch share := float64(t.validated) / float64(t.sent); {
	case share < c.PauseBelow:
		return machines
	case share < c.CaptchaBelow:
		return suspicious
	}
	return people
}

// window is the slots that are judged at a moment, both ends included.
type window struct{ first, last int64 }

func windowAt(now time.Time) window {
	return window{first: now.Add(-judged).UnixMilli(), last: now.Add(-2 * slot).UnixMilli()}
}

// suspicious tells whether few codes come back from around number. The error is Paused
// when its block is paused, or will be as soon as Run sees what is seen here.
func (g *Guard) suspicious(ctx context.Context, tx *store.Tx, number threepid.Address, now time.Time) (bool, error) {
	block, country := g.scopes(number)
	blockUntil, err := selectUntil(ctx, tx, block.key)
	if err != nil {
		return false, err
	}
	if blockUntil > now.UnixMilli() {
		then := time.UnixMilli(blockUntil)
		return false, Paused{then, until(now, then)}
	}
	forgiven, err := selectUntil(ctx, tx, country.key)
	if err != nil {
		return false, err
	}
	w := windowAt(now)
	w.first = max(w.first, forgiven)
	whole, err := g.gradeOf(ctx, tx, country, w)
	if err != nil {
		return false, err
	}
	w.first = max(w.first, blockUntil)
	near, err := g.gradeOf(ctx, tx, block, w)
	if err == nil && near == machines {
		return false, Paused{now.Add(g.Policy.Conversion.PauseFor), g.Policy.Conversion.PauseFor}
	}
	return near != people || whole != people, err
}

func (g *Guard) gradeOf(ctx context.Context, tx *store.Tx, s scope, w window) (grade, error) {
	t, err := selectTally(ctx, tx, s.key, w)
	return g.Policy.Conversion.grade(t), err
}
