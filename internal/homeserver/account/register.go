package account

import (
	"context"
	"errors"
	"fmt"

	"signet/internal/matrix"
	"signet/internal/store"
)

// Registration is a wish for an account. Username nil leaves the name to the
// server; Auth is nil in a client's first request, and with it the password is
// needed.
type Registration struct {
	Username     *string
	Password     string
	Device       NewDevice
	InhibitLogin bool
	Auth         *Auth
}

// Register makes an account and lets its first device in, unless that is
// inhibited: then the Login names the user only. A request that is not
// authenticated yet gets a Challenge, after everything else in it has been checked
// (client-server API, "POST /register"); the other errors are Err… of this package.
func (a *Accounts) Register(ctx context.Context, r Registration) (Login, error) {
	if !a.OpenRegistration {
		return Login{}, ErrRegistrationClosed
	}
	user, err := a.checkRegistration(ctx, &r)
	if err != nil {
		return Login{}, err
	}
	if err := a.pass(ctx, r.Auth); err != nil {
		return Login{}, err
	}
	if err := checkPassword(r.Password); err != nil {
		return Login{}, err
	}
	hash, err := a.hasher.hash(ctx, r.Password)
	if err != nil {
		return Login{}, err
	}
	login, err := a.create(ctx, user, hash, r)
	if errors.Is(err, ErrUIASession) { // another request has just spent it
		return Login{}, a.challenge(ctx, ErrUIASession)
	}
	return login, err
}

// checkRegistration settles the device and refuses what no authentication would
// mend.
func (a *Accounts) checkRegistration(ctx context.Context, r *Registration) (matrix.UserID, error) {
	user, err := a.newUserID(r.Username)
	if err != nil {
		return "", err
	}
	if r.Device, err = r.Device.settled(); err != nil {
		return "", err
	}
	if err := checkPassword(r.Password); r.Password != "" && err != nil {
		return "", err
	}
	taken, err := userExists(ctx, a.DB, user)
	if err != nil {
		return "", fmt.Errorf("looking for a user: %w", err)
	}
	if taken {
		return "", ErrUserInUse
	}
	return user, nil
}

// create spends the session, takes the name and lets the device in, all or nothing.
func (a *Accounts) create(ctx context.Context, user matrix.UserID, hash passwordHash, r Registration) (login Login, err error) {
	err = a.DB.Tx(ctx, func(tx *store.Tx) error {
		if err := a.spend(ctx, tx, r.Auth); err != nil {
			return err
		}
		inserted, err := insertUser(ctx, tx, user, hash, a.Now())
		if err != nil {
			return fmt.Errorf("storing a user: %w", err)
		}
		if !inserted {
			return ErrUserInUse
		}
		if r.InhibitLogin {
			login = Login{Device: Device{User: user}}
			return nil
		}
		login, err = a.letIn(ctx, tx, user, r.Device)
		return err
	})
	if err != nil {
		return Login{}, err
	}
	return login, nil
}
