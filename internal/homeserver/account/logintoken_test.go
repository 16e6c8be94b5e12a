package account_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"signet/internal/homeserver/account"
	"signet/internal/matrix"
	"signet/internal/store"
)

// loginToken is one of a user.
func (w *world) loginToken(user matrix.UserID) (token string) {
	w.Helper()
	err := w.db.Tx(w.Context(), func(tx *store.Tx) (err error) {
		token, err = w.IssueLoginToken(w.Context(), tx, user)
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return token
}

func TestALoginTokenLetsOneDeviceIn(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice")
		token := w.loginToken(alice.User)
		if strings.Contains(w.dump(), token) {
			t.Error("the database has the token")
		}
		if _, err := w.LoginByToken(w.Context(), token, account.NewDevice{ID: "a b"}, account.Whence{}); !errors.Is(err, account.ErrDeviceID) {
			t.Errorf("a wrong device = %v, want %v", err, account.ErrDeviceID)
		}
		login, err := w.LoginByToken(w.Context(), token, account.NewDevice{ID: "PHONE", DisplayName: "Phone", Refreshes: true}, account.Whence{})
		if err != nil || login.User != alice.User || login.ID != "PHONE" || login.RefreshToken == "" {
			t.Fatalf("LoginByToken = %+v, %v", login, err)
		}
		if d, err := w.Authenticate(w.Context(), login.AccessToken); err != nil || d != login.Device {
			t.Errorf("the access token is of %v, %v, want %v", d, err, login.Device)
		}
		for _, used := range []string{token, "", "nonsense", alice.AccessToken} {
			if _, err := w.LoginByToken(w.Context(), used, account.NewDevice{}, account.Whence{}); !errors.Is(err, account.ErrLoginToken) {
				t.Errorf("a token that is none = %v, want %v", err, account.ErrLoginToken)
			}
		}
	})
}

// A device that logs in again has no tokens but the new ones.
func TestALoginTokenEndsTheFormerTokensOfTheDevice(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice")
		if _, err := w.Authenticate(w.Context(), alice.AccessToken); err != nil { // is remembered
			t.Fatal(err)
		}
		if _, err := w.LoginByToken(w.Context(), w.loginToken(alice.User), account.NewDevice{ID: alice.ID}, account.Whence{}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Authenticate(w.Context(), alice.AccessToken); !errors.Is(err, account.ErrUnknownToken) {
			t.Errorf("the former token = %v, want %v", err, account.ErrUnknownToken)
		}
	})
}

func TestLoginTokensEnd(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice")
		for what, end := range map[string]func() error{
			"after two minutes": func() error { w.clock.Advance(account.LoginTokenLife); return nil },
			"swept": func() error {
				w.clock.Advance(account.LoginTokenLife)
				return w.Sweep(w.Context())
			},
			"with all devices": func() error {
				err := w.LogoutAll(w.Context(), alice.User)
				alice.Device = w.login(account.Credentials{Name: "alice", Password: password}).Device
				return err
			},
			"with the password": func() error {
				return w.SetPassword(w.Context(), alice.Device, account.PasswordChange{Password: password}, &account.Auth{Stage: account.StagePassword, Password: password})
			},
		} {
			token := w.loginToken(alice.User)
			if err := end(); err != nil {
				t.Fatal(what, err)
			}
			if _, err := w.LoginByToken(w.Context(), token, account.NewDevice{}, account.Whence{}); !errors.Is(err, account.ErrLoginToken) {
				t.Errorf("%s = %v, want %v", what, err, account.ErrLoginToken)
			}
		}
		token := w.loginToken(alice.User)
		w.clock.Advance(account.LoginTokenLife - time.Millisecond)
		if err := w.Sweep(w.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := w.LoginByToken(w.Context(), token, account.NewDevice{}, account.Whence{}); err != nil {
			t.Errorf("in the last moment: %v", err)
		}
		w.loginToken(alice.User)
		if err := w.DeactivateUser(w.Context(), alice.User, false); err != nil {
			t.Fatal(err)
		}
		if n := w.count(`SELECT COUNT(*) FROM account_login_tokens WHERE expires_ms > 0`); n > 0 {
			t.Errorf("%d tokens of an account that has ended", n)
		}
		err := w.db.Tx(w.Context(), func(tx *store.Tx) error {
			_, err := w.IssueLoginToken(w.Context(), tx, alice.User)
			return err
		})
		if !errors.Is(err, account.ErrNoUser) {
			t.Errorf("a token of an account that has ended = %v, want %v", err, account.ErrNoUser)
		}
	})
}

// Who is logged in is granted a token each time that they authenticate, and once for that.
func TestALoginTokenIsGranted(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.joined("bob")
		grant := func(by account.Device, auth *account.Auth) (string, error) {
			return w.GrantLoginToken(w.Context(), by, auth)
		}
		_, err := grant(alice.Device, nil)
		challenge, asked := errors.AsType[account.Challenge](err)
		if !asked {
			t.Fatalf("without authentication: %v", err)
		}
		wrong := account.Auth{Stage: account.StagePassword, Session: challenge.Session, Password: "wrong"}
		right := wrong
		right.Password = password
		if _, err := grant(bob.Device, &right); err == nil {
			t.Error("bob passes by alice's session")
		}
		if token, err := grant(alice.Device, &wrong); err == nil || token != "" {
			t.Error("a wrong password is granted a token")
		}
		errs := crowd(4, func(int) error {
			_, err := grant(alice.Device, &right)
			return err
		})
		if n := w.count(`SELECT COUNT(*) FROM account_login_tokens`); counted(errs, nil) != 1 || n != 1 {
			t.Errorf("one authentication grants %d tokens: %v", n, errs)
		}
		other := w.login(account.Credentials{Name: "alice", Password: password})
		if err := w.Logout(w.Context(), other.Device); err != nil {
			t.Fatal(err)
		}
		if token, err := grant(other.Device, &account.Auth{Stage: account.StagePassword, Password: password}); !errors.Is(err, account.ErrUnknownToken) || token != "" {
			t.Errorf("who has logged out meanwhile: %v", err)
		}
	})
}

func TestALoginTokenIsUsedOnceByMany(t *testing.T) {
	each(t, func(w *world) {
		token := w.loginToken(w.joined("alice").User)
		errs := crowd(8, func(int) error {
			_, err := w.LoginByToken(w.Context(), token, account.NewDevice{}, account.Whence{})
			return err
		})
		if in, out := counted(errs, nil), counted(errs, account.ErrLoginToken); in != 1 || in+out != len(errs) {
			t.Errorf("of %d who use one token %d are in and %d are refused: %v", len(errs), in, out, errs)
		}
	})
}
