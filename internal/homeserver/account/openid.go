package account

import (
	"context"
	"fmt"
	"time"

	"signet/internal/matrix"
)

// OpenIDLife is how long an OpenID token can be exchanged.
const OpenIDLife = time.Hour

// IssueOpenID gives the device a token by which another service learns who its user
// is (client-server API, "OpenID"). The user is the one that the client asked for;
// ErrNotOwner when it is not the device's. The token ends with the device.
func (a *Accounts) IssueOpenID(ctx context.Context, d Device, user matrix.UserID) (token string, err error) {
	if user != d.User {
		return "", ErrNotOwner
	}
	token = newToken()
	issued, err := insertOpenID(ctx, a.DB, a.openID.Of(token), d, a.Now().Add(OpenIDLife))
	if err != nil {
		return "", fmt.Errorf("storing an OpenID token: %w", err)
	}
	if !issued { // logged out a moment ago
		return "", ErrUnknownToken
	}
	return token, nil
}

// OpenIDUser is the user whom an OpenID token speaks for. The error is
// ErrUnknownToken.
func (a *Accounts) OpenIDUser(ctx context.Context, token string) (matrix.UserID, error) {
	user, err := selectOpenID(ctx, a.DB, a.openID.Of(token), a.Now())
	if err != nil {
		return "", fmt.Errorf("exchanging an OpenID token: %w", err)
	}
	return user, nil
}
