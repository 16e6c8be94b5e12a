package account_test

import (
	"context"
	"testing"
	"time"

	"signet/internal/homeserver/account"
)

// endings are all ways in which the tokens of a phone end, done by one process.
var endings = map[string]func(w *world, a *account.Accounts, phone, laptop account.Login) error{
	"logout": func(w *world, a *account.Accounts, phone, _ account.Login) error {
		return a.Logout(w.Context(), phone.Device)
	},
	"logout of all": func(w *world, a *account.Accounts, phone, _ account.Login) error {
		return a.LogoutAll(w.Context(), phone.User)
	},
	"deletion of the device": func(w *world, a *account.Accounts, phone, laptop account.Login) error {
		return a.DeleteDevices(w.Context(), laptop.Device, []account.DeviceID{phone.ID}, byPassword)
	},
	"change of the password": func(w *world, a *account.Accounts, _, laptop account.Login) error {
		return a.SetPassword(w.Context(), laptop.Device, account.PasswordChange{Password: another, LogoutDevices: true}, byPassword)
	},
	"deactivation": func(w *world, a *account.Accounts, phone, _ account.Login) error {
		return a.Deactivate(w.Context(), phone.Device, false, byPassword)
	},
	"deactivation by the operator": func(w *world, a *account.Accounts, phone, _ account.Login) error {
		return a.DeactivateUser(w.Context(), phone.User, true)
	},
	"another login of the device": func(w *world, a *account.Accounts, phone, _ account.Login) error {
		_, err := a.Login(w.Context(), account.Credentials{Name: "alice", Password: password, Device: account.NewDevice{ID: phone.ID}})
		return err
	},
	"use of newer tokens": func(w *world, a *account.Accounts, phone, _ account.Login) error {
		newer, err := a.Refresh(w.Context(), phone.RefreshToken)
		if err == nil {
			_, err = a.Authenticate(w.Context(), newer.AccessToken)
		}
		return err
	},
}

// remembers checks that a token lets in, and that the database is not asked.
func (w *world) remembers(what, token string) {
	w.Helper()
	w.lets(what, token, nil)
	before := w.db.Statements()
	w.lets(what, token, nil)
	if n := w.db.Statements() - before; n != 0 {
		w.Errorf("%s took %d statements, want none", what, n)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// eachEnding tells a story of how a token of a phone ends.
func eachEnding(t *testing.T, story func(w *world, phone account.Login, end func(by *account.Accounts))) {
	for how, end := range endings {
		t.Run(how, func(t *testing.T) {
			each(t, func(w *world) {
				laptop, phone := w.joined("alice"), w.refreshing("alice")
				w.remembers("the token", phone.AccessToken)
				story(w, phone, func(by *account.Accounts) {
					w.Helper()
					if err := end(w, by, phone, laptop); err != nil {
						w.Fatal(err)
					}
				})
			})
		})
	}
}

// However a token ends, it has ended when that returns, and who doubts it is told.
func TestARememberedTokenEnds(t *testing.T) {
	eachEnding(t, func(w *world, phone account.Login, end func(*account.Accounts)) {
		doubt := w.Doubt(phone.User)
		end(w.Accounts)
		if !isClosed(doubt) || isClosed(w.Doubt(phone.User)) {
			w.Error("who doubts the token is not told, or for ever")
		}
		w.lets("the token", phone.AccessToken, account.ErrUnknownToken)
		w.look()
		w.lets("the token then", phone.AccessToken, account.ErrUnknownToken)
	})
}

// What another process ends is known with the next look, at once or after 2 seconds.
func TestARememberedTokenEndsElsewhere(t *testing.T) {
	eachEnding(t, func(w *world, phone account.Login, end func(*account.Accounts)) {
		doubt := w.Doubt(phone.User)
		end(w.open(nil))
		w.clock.Advance(2*time.Second - time.Millisecond)
		w.remembers("the token, within 2 seconds", phone.AccessToken)
		if isClosed(doubt) {
			w.Error("who doubts the token is told before anybody looked")
		}
		w.clock.Advance(time.Millisecond)
		w.lets("the token after 2 seconds", phone.AccessToken, account.ErrUnknownToken)
		w.look()
		if !isClosed(doubt) {
			w.Error("who doubts the token is not told")
		}
		w.lets("the token after a look", phone.AccessToken, account.ErrUnknownToken)
	})
}

// Others' tokens stay remembered, and those of the same slot are read once more.
func TestOtherTokensAreStillGood(t *testing.T) {
	each(t, func(w *world) {
		alice, laptop, bob := w.joined("alice"), w.login(account.Credentials{Name: "alice", Password: password}), w.joined("bob")
		for what, l := range map[string]account.Login{"alice's": alice, "her laptop's": laptop, "bob's": bob} {
			w.remembers(what, l.AccessToken)
		}
		if err := w.Logout(w.Context(), alice.Device); err != nil {
			w.Fatal(err)
		}
		w.look()
		before := w.db.Statements()
		w.lets("bob's", bob.AccessToken, nil)
		if n := w.db.Statements() - before; n != 0 {
			w.Errorf("bob's took %d statements, want none", n)
		}
		w.remembers("her laptop's", laptop.AccessToken)
	})
}

// A token that can be refreshed ends by itself, remembered or not.
func TestARememberedTokenExpires(t *testing.T) {
	each(t, func(w *world) {
		w.joined("alice")
		phone := w.refreshing("alice")
		w.clock.Advance(account.AccessLife - time.Millisecond)
		w.look()
		w.remembers("the token in its last moment", phone.AccessToken)
		w.clock.Advance(time.Millisecond)
		w.lets("the token then", phone.AccessToken, account.ErrTokenExpired)
	})
}

// Remember looks when it begins and each time it is told to, until its end.
func TestRemembering(t *testing.T) {
	each(t, func(w *world) {
		server, beside := w.open(nil), w.Accounts
		ctx, stop := context.WithCancel(w.Context())
		next, ended := make(chan time.Time), make(chan error)
		go func() { ended <- account.Remember(ctx, server, next) }()
		alice := w.joined("alice")
		next <- time.Time{} // it has looked once
		next <- time.Time{}
		doubt := server.Doubt(alice.User)
		if err := beside.Logout(w.Context(), alice.Device); err != nil {
			w.Fatal(err)
		}
		next <- time.Time{}
		<-doubt
		stop()
		if err := <-ended; err != nil {
			w.Errorf("Remember = %v", err)
		}
	})
}

// Where nobody looks, nothing is remembered.
func TestNothingIsRememberedUnlooked(t *testing.T) {
	each(t, func(w *world) {
		alice, beside := w.joined("alice"), w.open(nil)
		for range 2 {
			before := w.db.Statements()
			if _, err := beside.Authenticate(w.Context(), alice.AccessToken); err != nil || w.db.Statements() == before {
				w.Errorf("Authenticate = %v after %d statements, want some", err, w.db.Statements()-before)
			}
		}
	})
}
