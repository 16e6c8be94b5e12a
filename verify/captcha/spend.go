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

// SpendAny spends the challenge of the subject that was passed last, and tells its id,
// if one is left to spend.
func (c *Captcha) SpendAny(ctx context.Context, tx *store.Tx, subject []byte) (id string, spent bool, err error) {
	id, err = markAnySpent(ctx, tx, subject, c.Now())
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", false, nil
	case err != nil:
		return "", false, fmt.Errorf("spending a CAPTCHA: %w", err)
	}
	return id, true, nil
}

// Unspend undoes what Spend or SpendAny did, for a message that was not sent after all:
// the challenge can be spent again for as long as it still lives, which is no longer
// than before. It is for whoever spent it, at most once; what is not spent, has expired
// or is no challenge stays as it is.
func (c *Captcha) Unspend(ctx context.Context, tx *store.Tx, id string) error {
	if !isID(id) {
		return nil
	}
	if err := unmarkSpent(ctx, tx, id, c.Now()); err != nil {
		return fmt.Errorf("giving a CAPTCHA back: %w", err)
	}
	return nil
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
	found, err := known(selectClaimed(ctx, tx, cl))
	if err != nil {
		return err
	}
	if err := found.state(now); err != nil {
		return err
	}
	if !found.Passed {
		return ErrNotPassed
	}
	return ErrSpent
}
