package account

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"signet/internal/homeserver/contact"
	"signet/internal/matrix"
	"signet/internal/store"
)

// PasswordChange is a new password, and whether all other devices are logged out.
type PasswordChange struct {
	Password      string
	LogoutDevices bool
	From          Whence
}

// SetPassword changes the caller's password, of which the owner of the account is told at its
// addresses. It has to be authenticated; what else was begun to be authenticated with the old
// password ends.
func (a *Accounts) SetPassword(ctx context.Context, by Device, c PasswordChange, auth *Auth) error {
	if err := checkPassword(c.Password); err != nil {
		return err
	}
	op := Operation{Name: OpChangePassword, By: by, Params: []string{c.Password, strconv.FormatBool(c.LogoutDevices)}}
	pass, err := a.Pass(ctx, op, auth)
	if err != nil {
		return err
	}
	hash, err := a.hasher.hash(ctx, c.Password)
	if err != nil {
		return err
	}
	err = a.ending(ctx, by.User, func(tx *store.Tx) error {
		if err := a.Spend(ctx, tx, pass); err != nil {
			return err
		}
		if err := replacePassword(ctx, tx, by, hash, c.LogoutDevices); err != nil {
			return err
		}
		return a.tellOfPassword(ctx, tx, by, c.From)
	})
	if err != nil {
		return a.Again(ctx, op, fmt.Errorf("changing a password: %w", err))
	}
	a.sendNews()
	return nil
}

// ResetPassword sets the password of the account that has an address which somebody shows to
// be theirs, and has its owner told at all of its addresses. An address that is no account's is
// refused as if nothing had been shown of it.
func (a *Accounts) ResetPassword(ctx context.Context, c PasswordChange, auth *Auth) (matrix.UserID, error) {
	if err := checkPassword(c.Password); err != nil {
		return "", err
	}
	op := Operation{Name: OpResetPassword, Params: []string{c.Password, strconv.FormatBool(c.LogoutDevices)}}
	pass, err := a.Pass(ctx, op, auth)
	if err != nil {
		return "", err
	}
	hash, err := a.hasher.hash(ctx, c.Password)
	if err != nil {
		return "", err
	}
	owner := pass.proofs[0].User() // each of the flows shows one address
	err = a.ending(ctx, owner, func(tx *store.Tx) error {
		if err := a.Spend(ctx, tx, pass); err != nil {
			return err
		}
		if err := a.replaceLost(ctx, tx, owner, hash, c.LogoutDevices); err != nil {
			return err
		}
		return a.tellOfPassword(ctx, tx, Device{User: owner}, c.From)
	})
	if err != nil {
		return "", a.Again(ctx, op, fmt.Errorf("setting a new password: %w", err))
	}
	a.sendNews()
	return owner, nil
}

// replaceLost sets a password of which the former is lost, and forgives what was guessed of it.
func (a *Accounts) replaceLost(ctx context.Context, tx *store.Tx, owner matrix.UserID, hash passwordHash, logout bool) error {
	err := replacePassword(ctx, tx, Device{User: owner}, hash, logout)
	if errors.Is(err, ErrUnknownToken) {
		return contact.ErrSession
	}
	if err != nil {
		return err
	}
	return deleteAttempts(ctx, tx, a.names.Of(owner.String()))
}

func replacePassword(ctx context.Context, tx *store.Tx, by Device, hash passwordHash, logout bool) error {
	changed, err := updatePassword(ctx, tx, by.User, hash)
	if err != nil {
		return err
	}
	if !changed { // deactivated a moment ago
		return ErrUnknownToken
	}
	if err := endAuthentications(ctx, tx, by.User); err != nil || !logout {
		return err
	}
	return endDevices(ctx, tx, by.User, by.ID)
}

// endAuthentications ends what a user was let do by what counts no more.
func endAuthentications(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	if err := deleteUIAOfUser(ctx, tx, user); err != nil {
		return err
	}
	return deleteLoginTokensOfUser(ctx, tx, user)
}

// Leaver gives up what it keeps for a user whose account is deactivated.
type Leaver interface {
	// Leave is called in the transaction that deactivates the account, which may run
	// again. Erase asks to delete all that is not part of a room.
	Leave(ctx context.Context, tx *store.Tx, user matrix.UserID, erase bool) error
}

// Deactivate ends the caller's account for good (client-server API, "Account
// deactivation"). It has to be authenticated. Nobody can have the name again.
func (a *Accounts) Deactivate(ctx context.Context, by Device, erase bool, auth *Auth) error {
	op := Operation{Name: OpDeactivate, By: by, Params: []string{strconv.FormatBool(erase)}}
	err := a.Authenticated(ctx, op, auth, func(tx *store.Tx) error { return a.end(ctx, tx, by.User, erase) })
	if err != nil {
		return fmt.Errorf("deactivating an account: %w", err)
	}
	return nil
}

// DeactivateUser is Deactivate by the operator. The error is ErrNoUser.
func (a *Accounts) DeactivateUser(ctx context.Context, user matrix.UserID, erase bool) error {
	err := a.ending(ctx, user, func(tx *store.Tx) error { return a.end(ctx, tx, user, erase) })
	if err != nil {
		return fmt.Errorf("deactivating an account: %w", err)
	}
	return nil
}

func (a *Accounts) end(ctx context.Context, tx *store.Tx, user matrix.UserID, erase bool) error {
	ended, err := deactivateUser(ctx, tx, user, erase, a.Now())
	if err != nil {
		return err
	}
	if !ended {
		return ErrNoUser
	}
	if err := endAuthentications(ctx, tx, user); err != nil {
		return err
	}
	if err := endDevices(ctx, tx, user, ""); err != nil {
		return err
	}
	if erase {
		if err := deleteTerms(ctx, tx, user); err != nil {
			return err
		}
	}
	for _, l := range a.Leavers {
		if err := l.Leave(ctx, tx, user, erase); err != nil {
			return err
		}
	}
	return nil
}
