package account

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/store"
)

// LoginTokenLife is how long a login token is good.
const LoginTokenLife = 2 * time.Minute

// ErrLoginToken says that a login token lets nobody in.
var ErrLoginToken = errors.New("the login token is unknown, was used already or has expired")

// IssueLoginToken makes a token that lets a device of a user in, once (client-server API,
// "Token-based"). It is in the transaction that uses up what shows that somebody is the user.
// It ends when their password changes. The error is ErrNoUser.
func (a *Accounts) IssueLoginToken(ctx context.Context, tx *store.Tx, user matrix.UserID) (string, error) {
	token := newToken()
	active, err := insertLoginToken(ctx, tx, a.logins.Of(token), user, a.Now().Add(LoginTokenLife))
	if err != nil {
		return "", fmt.Errorf("storing a login token: %w", err)
	}
	if !active {
		return "", ErrNoUser
	}
	return token, nil
}

// GrantLoginToken is IssueLoginToken for who is logged in, and authenticates for each token anew
// (client-server API, /login/get_token). Errors: those of Pass, ErrUnknownToken.
func (a *Accounts) GrantLoginToken(ctx context.Context, by Device, auth *Auth) (token string, err error) {
	err = a.Authenticated(ctx, Operation{Name: OpLetDeviceIn, By: by}, auth, func(tx *store.Tx) error {
		_, err := selectDevice(ctx, tx, by)
		if err == nil {
			token, err = a.IssueLoginToken(ctx, tx, by.User)
		}
		if errors.Is(err, ErrNoDevice) || errors.Is(err, ErrNoUser) { // logged out a moment ago
			return ErrUnknownToken
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("granting a login token: %w", err)
	}
	return token, nil
}

// Whence is from where somebody logs in, or changes a password.
type Whence struct {
	Client   netip.Addr // zero where that is not known
	Language string     // that they read (BCP 47); empty where that is not known
}

// LoginByToken is Login with a login token in place of credentials, of which the owner of the
// account is told at its addresses. The error is ErrLoginToken or ErrDeviceID, which leaves the
// token good.
func (a *Accounts) LoginByToken(ctx context.Context, token string, d NewDevice, from Whence) (login Login, err error) {
	device, err := d.settled()
	if err != nil {
		return Login{}, err
	}
	var user matrix.UserID
	defer func() {
		if user != "" {
			a.memory.forget(user)
		}
	}()
	err = a.DB.Tx(ctx, func(tx *store.Tx) (err error) {
		if user, err = takeLoginToken(ctx, tx, a.logins.Of(token), a.Now()); err != nil {
			return err
		}
		hash, err := selectPassword(ctx, tx, user, a.hasher.cost)
		if err != nil {
			return err
		}
		if login, err = a.letIn(ctx, tx, user, hash, device); err != nil {
			return err
		}
		return a.tell(ctx, tx, contact.News{Kind: idclient.NewLogin, User: user, Device: device.DisplayName, Client: from.Client, Language: from.Language})
	})
	if errors.Is(err, ErrCredentials) { // the account has ended
		err = ErrLoginToken
	}
	if err != nil {
		return Login{}, fmt.Errorf("logging in by a token: %w", err)
	}
	a.sendNews()
	return login, nil
}
