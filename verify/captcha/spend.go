package captcha

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"signet/internal/store"
)

// claim is what uses up a challenge: its id, and the subject it must be for.
type claim struct {
	id      string
	subject []byte
}

// Spend uses up a passed challenge of the subject, exactly once, together with what
// else tx writes. After one of these errors tx may go on and commit: ErrUnknown,
// ErrExpired, ErrDead, ErrNotPassed, ErrSpent.
func (c *Captcha) Spend(ctx context.Context, tx *store.Tx, id string, subject []byte) error {
	return c.use(ctx, tx, claim{id, subject}, markSpent)
}

// Check is Spend by the other mark: it neither hinders Spend nor is hindered by it.
func (c *Captcha) Check(ctx context.Context, tx *store.Tx, id string, subject []byte) error {
	return c.use(ctx, tx, claim{id, subject}, markChecked)
}

// SpendAny spends the challenge of the subject that was passed last, if one is left to
// spend.
func (c *Captcha) SpendAny(ctx context.Context, tx *store.Tx, subject []byte) (bool, error) {
	spent, err := markAnySpent(ctx, tx, subject, c.Now())
	if err != nil {
		return false, fmt.Errorf("spending a CAPTCHA: %w", err)
	}
	return spent, nil
}

type marker func(ctx context.Context, tx *store.Tx, cl claim, now time.Time) (first bool, err error)

func (c *Captcha) use(ctx context.Context, tx *store.Tx, cl claim, mark marker) error {
	if !isID(cl.id) {
		return ErrUnknown
	}
	now := c.Now()
	first, err := mark(ctx, tx, cl, now)
	switch {
	case err != nil:
		return fmt.Errorf("using up a CAPTCHA: %w", err)
	case first:
		return nil
	}
	return whyNot(ctx, tx, cl, now)
}

// whyNot tells why a challenge was not used up.
func whyNot(ctx context.Context, tx *store.Tx, cl claim, now time.Time) error {
	found, err := selectClaimed(ctx, tx, cl)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrUnknown
	}
	if err != nil {
		return fmt.Errorf("reading a CAPTCHA: %w", err)
	}
	if err := found.state(now); err != nil {
		return err
	}
	if !found.Passed {
		return ErrNotPassed
	}
	return ErrSpent
}
