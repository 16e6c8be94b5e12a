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

// neighbour is a number in its block, by a keyed tag.
type neighbour struct {
	block scope
	tag   string
}

func (g *Guard) neighbour(block scope, number threepid.Address) neighbour {
	return neighbour{block, hex.EncodeToString(g.index.Of("number", number.String()))}
}

func slotOf(t time.Time) int64 { return t.Truncate(slot).UnixMilli() }

// message is what is counted.
type message struct {
	number  threepid.Address
	at      time.Time
	vouched bool
}

// Sent counts a message to number that a provider has taken; vouched says that a CAPTCHA
// was passed for it. Admit does not: a message that is charged may still be refused by
// whoever carries it. A message that a crash keeps from being counted harms nobody.
func (g *Guard) Sent(ctx context.Context, number threepid.Address, at time.Time, vouched bool) error {
	return g.count(ctx, message{number, at, vouched}, tally{sent: 1})
}

// Validated counts a code that came back, for the time at which it was sent: it is
// messages that are judged, not hours. A code counts once, so it must not be told of
// again. One of a message that was not counted is not either.
func (g *Guard) Validated(ctx context.Context, number threepid.Address, sentAt time.Time, vouched bool) error {
	return g.count(ctx, message{number, sentAt, vouched}, tally{validated: 1})
}

// count writes all messages before the vouched ones, each in a statement of its own, so
// that of these there are never more.
func (g *Guard) count(ctx context.Context, m message, by tally) error {
	if m.number.Medium() != threepid.MSISDN {
		return ErrNumberType
	}
	block, country := g.scopes(m.number)
	err := g.DB.Alone(ctx, func(q store.Queryer) error { return moveSends(ctx, q, block, country, slotOf(m.at), by) })
	if err != nil {
		return fmt.Errorf("counting a text message: %w", err)
	}
	if !m.vouched && !g.Policy.NoCaptcha {
		return nil
	}
	n := g.neighbour(block, m.number)
	err = g.DB.Alone(ctx, func(q store.Queryer) error { return moveVouched(ctx, q, n, slotOf(m.at), by) })
	if err != nil {
		return fmt.Errorf("counting a text message for which a CAPTCHA was passed: %w", err)
	}
	return nil
}

// tally is how many messages were sent and how many of their codes came back.
type tally struct{ sent, validated int64 }

// below divides instead of multiplying: the quotient of two whole numbers and the decimal
// of a configuration are rounded alike, so 1 of 20 is not below 0.05.
func (t tally) below(share float64) bool { return float64(t.validated)/float64(t.sent) < share }

// vouchedTally is a tally of vouched messages, and to how many numbers they went.
type vouchedTally struct {
	tally
	numbers int64
}

// suspects tells whether so few of all codes came back that people should be asked for a
// CAPTCHA.
func (c Conversion) suspects(all tally) bool {
	return all.sent >= int64(c.After) && all.below(c.CaptchaBelow)
}

// pauses tells whether a block that is suspicious is to be paused.
func (c Conversion) pauses(v vouchedTally) bool {
	return v.sent >= int64(c.After) && 2*v.numbers >= int64(c.After) && v.below(c.PauseBelow)
}

// window is the slots that are judged at a moment, both ends included.
type window struct{ first, last int64 }

func windowAt(now time.Time) window {
	return window{first: now.Add(-judged).UnixMilli(), last: now.Add(-2 * slot).UnixMilli()}
}

// suspicious tells whether few codes come back from around number. The error is Paused
// when its block is paused, or will be as soon as Run sees what is seen here.
func (g *Guard) suspicious(ctx context.Context, number threepid.Address, now time.Time) (bool, error) {
	block, country := g.scopes(number)
	pausedUntil, err := selectUntil(ctx, g.DB, block.key)
	if err != nil {
		return false, err
	}
	if pausedUntil > now.UnixMilli() {
		then := time.UnixMilli(pausedUntil)
		return false, Paused{then, until(now, then)}
	}
	whole, err := g.suspects(ctx, country, now)
	if err != nil {
		return false, err
	}
	near, err := g.suspects(ctx, block, now)
	if err != nil || !near {
		return whole, err
	}
	vouched, err := g.vouched(ctx, g.DB, block, now)
	if err == nil && g.Policy.Conversion.pauses(vouched) {
		return false, Paused{now.Add(g.Policy.Conversion.PauseFor), g.Policy.Conversion.PauseFor}
	}
	return true, err
}

func (g *Guard) suspects(ctx context.Context, s scope, now time.Time) (bool, error) {
	w, err := unforgiven(ctx, g.DB, s, now)
	if err != nil {
		return false, err
	}
	all, err := selectTally(ctx, g.DB, s.key, w)
	return g.Policy.Conversion.suspects(all), err
}

func (g *Guard) vouched(ctx context.Context, q store.Queryer, block scope, now time.Time) (vouchedTally, error) {
	w, err := unforgiven(ctx, q, block, now)
	if err != nil {
		return vouchedTally{}, err
	}
	return selectVouchedTally(ctx, q, block.key, w)
}

// unforgiven is the window without what was sent before a pause of the scope or of its
// country ended.
func unforgiven(ctx context.Context, q store.Queryer, s scope, now time.Time) (window, error) {
	w := windowAt(now)
	for _, key := range []string{s.key, s.country} {
		ms, err := selectUntil(ctx, q, key)
		if err != nil {
			return w, err
		}
		w.first = max(w.first, ms)
	}
	return w, nil
}
