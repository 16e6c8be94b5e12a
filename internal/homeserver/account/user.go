package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"signet/internal/matrix"
)

// ErrNoUser says that this server has no such account, or has it no more.
var ErrNoUser = errors.New("there is no such account here")

// User is an account as the operator sees it.
type User struct {
	ID          matrix.UserID
	Admin       bool
	Created     time.Time
	Deactivated time.Time // zero: it is not
	Erase       bool      // its content was asked to be erased
	Devices     int
}

// Users lists up to so many accounts whose ids come after one, in the order of their
// ids.
func (a *Accounts) Users(ctx context.Context, after matrix.UserID, most int) ([]User, error) {
	users, err := selectUsers(ctx, a.DB, after, most)
	if err != nil {
		return nil, fmt.Errorf("listing accounts: %w", err)
	}
	return users, nil
}

// Exists tells whether the server has an account of that id which is not deactivated.
func (a *Accounts) Exists(ctx context.Context, user matrix.UserID) (bool, error) {
	there, err := userActive(ctx, a.DB, user)
	if err != nil {
		return false, fmt.Errorf("looking for a user: %w", err)
	}
	return there, nil
}

// FindUser is the id of a name as people type it, a whole user id or its localpart. The
// error is ErrNoUser for what cannot be a name here.
func (a *Accounts) FindUser(name string) (matrix.UserID, error) {
	user, possible := a.findUserID(name)
	if !possible {
		return "", ErrNoUser
	}
	return user, nil
}

// NewUser is an account that the operator makes.
type NewUser struct {
	Name     string
	Password string
	Admin    bool
}

// CreateUser makes an account, whether or not the server takes registrations. The
// errors are those of Register.
func (a *Accounts) CreateUser(ctx context.Context, n NewUser) (matrix.UserID, error) {
	login, err := a.createAs(ctx, Registration{Username: &n.Name, Password: n.Password, InhibitLogin: true}, n.Admin, Pass{})
	return login.User, err
}

// createAs makes an account by the operator's leave.
func (a *Accounts) createAs(ctx context.Context, r Registration, admin bool, pass Pass) (Login, error) {
	user, err := a.checkRegistration(ctx, &r)
	if err != nil {
		return Login{}, err
	}
	r.admin, r.vouched = admin, true
	return a.create(ctx, user, pass, r)
}

// RandomPassword is one for an account whose owner is to change it.
func RandomPassword() string { return newToken()[:24] }
