package account

import (
	"context"
	"errors"
	"fmt"
)

// Sweep deletes expired sessions, login tokens and OpenID tokens, and failed logins that
// are forgotten.
func (a *Accounts) Sweep(ctx context.Context) error {
	now := a.Now()
	err := errors.Join(
		deleteExpiredUIA(ctx, a.DB, now),
		deleteExpiredLoginTokens(ctx, a.DB, now),
		deleteExpiredOpenID(ctx, a.DB, now),
		deleteAttemptsBefore(ctx, a.DB, now.Add(-forgetAfter)))
	if err != nil {
		return fmt.Errorf("sweeping the accounts: %w", err)
	}
	return nil
}
