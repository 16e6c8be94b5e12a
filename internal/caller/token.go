package caller

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"signet/internal/matrix"
)

// ErrUnknownToken is the error of a token that was never given, was revoked, or
// has ended.
var ErrUnknownToken = errors.New("the access token is unknown or has ended")

const (
	// tokenLife is how long a token lives without being used. A client that comes
	// back later registers again, without asking its user.
	tokenLife = 30 * 24 * time.Hour
	// seenEvery spares a write at every call.
	seenEvery = 24 * time.Hour
)

// Token is what an operator may know of an access token.
type Token struct {
	User    matrix.UserID
	Created time.Time
	Seen    time.Time // last used, within a day
}

// Account returns the user whose token it is. Errors: ErrUnknownToken, ErrBlocked.
func (g *Gate) Account(ctx context.Context, token string) (matrix.UserID, error) {
	mac := g.tokens.Of(token)
	t, blocks, err := selectToken(ctx, g.DB, mac)
	if errors.Is(err, sql.ErrNoRows) {
		return "", ErrUnknownToken
	}
	if err != nil {
		return "", fmt.Errorf("reading an access token: %w", err)
	}
	now := g.Now()
	if now.Sub(t.Seen) >= tokenLife {
		return "", ErrUnknownToken
	}
	if blocks {
		if err := g.refuseBlocked(ctx, t.User.Server()); err != nil {
			return "", err
		}
	}
	if now.Sub(t.Seen) >= seenEvery {
		if err := touchToken(ctx, g.DB, mac, now); err != nil {
			return "", fmt.Errorf("prolonging an access token: %w", err)
		}
	}
	return t.User, nil
}

// Logout ends a token. Errors: ErrUnknownToken when it had ended already, ErrBlocked.
func (g *Gate) Logout(ctx context.Context, token string) error {
	if _, err := g.Account(ctx, token); err != nil {
		return err
	}
	known, err := deleteToken(ctx, g.DB, g.tokens.Of(token), g.Now().Add(-tokenLife))
	if err != nil {
		return fmt.Errorf("ending an access token: %w", err)
	}
	if !known {
		return ErrUnknownToken
	}
	return nil
}

// Tokens lists the living tokens of a user, the newest first.
func (g *Gate) Tokens(ctx context.Context, user matrix.UserID) ([]Token, error) {
	tokens, err := selectTokens(ctx, g.DB, user, g.Now().Add(-tokenLife))
	if err != nil {
		return nil, fmt.Errorf("listing access tokens: %w", err)
	}
	return tokens, nil
}

// Revoke ends all tokens of a user and tells how many there were.
func (g *Gate) Revoke(ctx context.Context, user matrix.UserID) (int64, error) {
	n, err := deleteTokens(ctx, g.DB, user)
	if err != nil {
		return 0, fmt.Errorf("revoking access tokens: %w", err)
	}
	return n, nil
}
