package account

import (
	"context"
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
	Showing      func() error // as in an Operation
	admin        bool
	vouched      bool // the operator has it made
}

// Register makes an account and lets its first device in, unless that is
// inhibited: then the Login names the user only. A request that is not
// authenticated yet gets a Challenge, after everything else in it has been checked
// (client-server API, "POST /register"); the other errors are Err… of this package.
func (a *Accounts) Register(ctx context.Context, r Registration) (Login, error) {
	if len(a.Offered()) == 0 {
		return Login{}, ErrRegistrationClosed
	}
	user, err := a.checkRegistration(ctx, &r)
	if err != nil {
		return Login{}, err
	}
	// A session is not tied to the name and the password: somebody may take the name
	// while the person authenticates, who then chooses another.
	op := Operation{Name: OpRegister, Showing: r.Showing}
	pass, err := a.Pass(ctx, op, r.Auth)
	if err != nil {
		return Login{}, err
	}
	login, err := a.create(ctx, user, pass, r)
	if err == nil && len(pass.proofs) > 0 {
		a.Contacts.Wake()
	}
	return login, a.Again(ctx, op, err)
}

// CheckUsername tells whether a name could be registered now. The errors are those of
// Register.
func (a *Accounts) CheckUsername(ctx context.Context, name string) error {
	if len(a.Offered()) == 0 {
		return ErrRegistrationClosed
	}
	user, err := a.newUserID(&name)
	if err != nil {
		return err
	}
	return a.checkFree(ctx, user)
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
	return user, a.checkFree(ctx, user)
}

func (a *Accounts) checkFree(ctx context.Context, user matrix.UserID) error {
	taken, err := userExists(ctx, a.DB, user)
	if err != nil {
		return fmt.Errorf("looking for a user: %w", err)
	}
	if taken {
		return ErrUserInUse
	}
	return nil
}

// create spends the pass, takes the name and lets the device in, all or nothing.
func (a *Accounts) create(ctx context.Context, user matrix.UserID, pass Pass, r Registration) (login Login, err error) {
	if err := checkPassword(r.Password); err != nil {
		return Login{}, err
	}
	hash, err := a.hasher.hash(ctx, r.Password)
	if err != nil {
		return Login{}, err
	}
	err = a.DB.Tx(ctx, func(tx *store.Tx) error {
		if err := a.Spend(ctx, tx, pass); err != nil {
			return err
		}
		inserted, err := insertUser(ctx, tx, User{ID: user, Admin: r.admin, Created: a.Now()}, !r.vouched, hash)
		if err != nil {
			return fmt.Errorf("storing a user: %w", err)
		}
		if !inserted {
			return ErrUserInUse
		}
		if err := a.acceptTerms(ctx, tx, user, pass.terms); err != nil {
			return err
		}
		if err := a.addContacts(ctx, tx, user, pass.proofs); err != nil {
			return err
		}
		if r.InhibitLogin {
			login = Login{Device: Device{User: user}}
			return nil
		}
		login, err = a.letIn(ctx, tx, user, hash, r.Device)
		return err
	})
	if err != nil {
		return Login{}, err
	}
	return login, nil
}
