package account

import (
	"context"
	"fmt"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
)

// Credentials is what a person logs in with. Name is a user id of this server or
// its localpart; Address, in its place, one that the account has.
type Credentials struct {
	Name     string
	Address  threepid.Address
	Password string
	Device   NewDevice
}

// Login lets a device in. The error is ErrCredentials for a wrong password, for a user that
// does not exist and for an address that is nobody's, after the same work;
// matrix.LimitExceeded after too many failures for the name or the address, whoever has it;
// or ErrDeviceID.
func (a *Accounts) Login(ctx context.Context, c Credentials) (Login, error) {
	device, err := c.Device.settled()
	if err != nil {
		return Login{}, err
	}
	user, attempt, err := a.named(ctx, c)
	if err != nil {
		return Login{}, err
	}
	proof, err := a.provePassword(ctx, user, attempt, c.Password)
	if err != nil {
		return Login{}, err
	}
	var login Login
	err = a.ending(ctx, user, func(tx *store.Tx) (err error) {
		if err := deleteAttempts(ctx, tx, proof.attempt); err != nil {
			return fmt.Errorf("forgiving failed logins: %w", err)
		}
		login, err = a.letIn(ctx, tx, user, proof.hash, device)
		return err
	})
	return login, err
}

// named is who the credentials are of, if anybody, and what failures are counted for.
func (a *Accounts) named(ctx context.Context, c Credentials) (user matrix.UserID, attempt []byte, err error) {
	if !c.Address.IsZero() {
		user, err := a.owner(ctx, c.Address)
		return user, a.names.Of(string(c.Address.Medium()), c.Address.String()), err
	}
	user, possible := a.findUserID(c.Name)
	if !possible {
		return "", a.names.Of(c.Name), nil
	}
	return user, a.names.Of(user.String()), nil
}

// passwordProof is a right password: the hash that it matched, and the attempt, which
// counts as failed until whoever asked deletes it.
type passwordProof struct {
	hash    passwordHash
	attempt []byte
}

// provePassword tells whether the password is the user's, ErrCredentials or
// matrix.LimitExceeded if not. Failures are counted for the attempt.
func (a *Accounts) provePassword(ctx context.Context, user matrix.UserID, attempt []byte, password string) (passwordProof, error) {
	if err := a.chargeAttempt(ctx, attempt); err != nil {
		return passwordProof{}, err
	}
	hash, err := selectPassword(ctx, a.DB, user, a.hasher.cost)
	if err != nil {
		return passwordProof{}, fmt.Errorf("reading a password hash: %w", err)
	}
	right, err := a.hasher.matches(ctx, hash, password)
	if err != nil {
		return passwordProof{}, err
	}
	if !right {
		return passwordProof{}, ErrCredentials
	}
	return passwordProof{hash, attempt}, nil
}
