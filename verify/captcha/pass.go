package captcha

import (
	"context"
	"crypto/subtle"
	"fmt"
	"time"

	"signet/internal/store"
)

// Pass checks an answer and marks the challenge passed if it is right. A try is
// counted before it is looked at, so parallel guesses gain nothing; the right one
// stays counted, since none follows it. Blanks and hyphens do not matter, nor the
// script of the digits; what is not six digits then is ErrWrong and counts as no try.
// A passed challenge answers every time it is asked, and takes no harm from wrong
// answers. Errors: ErrUnknown, ErrExpired, ErrDead, ErrWrong.
func (c *Captcha) Pass(ctx context.Context, id, answer string) error {
	found, err := c.Find(ctx, id)
	if err != nil {
		return err // most floods end here, without a transaction
	}
	return c.pass(ctx, found, answer)
}

// PassFor is Pass for the challenges of one subject: another's is ErrUnknown and loses
// no try, so that whoever learns an id cannot use it up.
func (c *Captcha) PassFor(ctx context.Context, id string, subject []byte, answer string) error {
	if !isID(id) {
		return ErrUnknown
	}
	found, err := known(selectClaimed(ctx, c.DB, claim{id, subject}))
	if err == nil {
		err = found.state(c.Now())
	}
	if err != nil {
		return err
	}
	return c.pass(ctx, found, answer)
}

// pass looks at an answer to a challenge that was open or passed a moment ago.
func (c *Captcha) pass(ctx context.Context, found Challenge, answer string) error {
	guess, ok := normalise(answer)
	switch {
	case !ok:
		return ErrWrong
	case found.Passed:
		return c.compare(found.ID, guess)
	}
	var outcome error // a wrong answer is counted, so it must not undo the transaction
	err := c.DB.Tx(ctx, func(tx *store.Tx) (err error) {
		outcome, err = c.try(ctx, tx, found.ID, guess)
		return err
	})
	if err != nil {
		return fmt.Errorf("checking an answer: %w", err)
	}
	return outcome
}

// try counts a guess and then looks at it.
func (c *Captcha) try(ctx context.Context, tx *store.Tx, id, guess string) (outcome, err error) {
	now := c.Now()
	counted, err := countTry(ctx, tx, id, now)
	switch {
	case err != nil:
		return nil, err
	case !counted:
		return c.late(ctx, tx, id, guess, now)
	}
	if outcome := c.compare(id, guess); outcome != nil {
		return outcome, nil
	}
	return nil, markPassed(ctx, tx, id, now)
}

// late is the outcome of a guess that came after a rival's, which has passed the
// challenge or used up its last try.
func (c *Captcha) late(ctx context.Context, tx *store.Tx, id, guess string, now time.Time) (outcome, err error) {
	found, err := find(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	if outcome := found.state(now); outcome != nil {
		return outcome, nil
	}
	if !found.Passed {
		return ErrDead, nil // never reached: it would be a guess that is not counted
	}
	return c.compare(id, guess), nil
}

func (c *Captcha) compare(id, guess string) error {
	if subtle.ConstantTimeCompare([]byte(guess), []byte(c.Answer(id))) != 1 {
		return ErrWrong
	}
	return nil
}
