package account_test

import (
	"errors"
	"maps"
	"runtime"
	"strings"
	"testing"

	"signet/internal/homeserver/account"
	"signet/internal/matrix"
)

const another = "battery staple"

func TestChangingAPassword(t *testing.T) {
	each(t, func(w *world) {
		phone, laptop := w.joined("alice"), w.login(account.Credentials{Name: "alice", Password: password})
		begun := w.challenge(w.Deactivate(w.Context(), phone.Device, false, nil)).Session
		if err := w.PassStage(w.Context(), account.Auth{Stage: account.StagePassword, Password: password, Session: begun}); err != nil {
			w.Fatal(err)
		}
		if err := w.SetPassword(w.Context(), phone.Device, account.PasswordChange{Password: another}, byPassword); err != nil {
			w.Fatal(err)
		}
		w.lets("another device that was to be kept", laptop.AccessToken, nil)
		if _, err := w.Login(w.Context(), account.Credentials{Name: "alice", Password: password}); !errors.Is(err, account.ErrCredentials) {
			w.Errorf("by the old password = %v, want %v", err, account.ErrCredentials)
		}
		if err := w.Deactivate(w.Context(), phone.Device, false, &account.Auth{Session: begun}); !errors.Is(err, account.ErrUIASession) {
			w.Errorf("what the old password had authenticated = %v, want %v", err, account.ErrUIASession)
		}
		change := account.PasswordChange{Password: password, LogoutDevices: true}
		if err := w.SetPassword(w.Context(), phone.Device, change, &account.Auth{Stage: account.StagePassword, Password: another}); err != nil {
			w.Fatal(err)
		}
		w.lets("the caller's device", phone.AccessToken, nil)
		w.lets("the other device", laptop.AccessToken, account.ErrUnknownToken)
		w.login(account.Credentials{Name: "alice", Password: password})
	})
}

func TestPasswordsThatAreNotTaken(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice").Device
		before := w.rows()
		for with, want := range map[string]error{"": account.ErrPasswordMissing, "1234567": account.ErrPasswordShort, strings.Repeat("x", 513): account.ErrPasswordLong} {
			if err := w.SetPassword(w.Context(), alice, account.PasswordChange{Password: with}, byPassword); !errors.Is(err, want) {
				w.Errorf("SetPassword(%q) = %v, want %v", with, err, want)
			}
		}
		if after := w.rows(); !maps.Equal(before, after) {
			w.Errorf("refusing wrote: %v became %v", before, after)
		}
	})
}

func TestDeactivation(t *testing.T) {
	each(t, func(w *world) {
		phone, laptop, bob := w.joined("alice"), w.login(account.Credentials{Name: "alice", Password: password}), w.joined("bob")
		begun := w.challenge(w.DeleteDevices(w.Context(), laptop.Device, nil, nil)).Session
		if err := w.Deactivate(w.Context(), phone.Device, true, byPassword); err != nil {
			w.Fatal(err)
		}
		w.lets("the caller's device", phone.AccessToken, account.ErrUnknownToken)
		w.lets("the other device", laptop.AccessToken, account.ErrUnknownToken)
		w.lets("Bob's device", bob.AccessToken, nil)
		if _, err := w.Login(w.Context(), account.Credentials{Name: "alice", Password: password}); !errors.Is(err, account.ErrCredentials) {
			w.Errorf("logging in = %v, want %v", err, account.ErrCredentials)
		}
		if _, err := w.Register(w.Context(), wish("alice")); !errors.Is(err, account.ErrUserInUse) {
			w.Errorf("the name again = %v, want %v", err, account.ErrUserInUse)
		}
		if _, err := w.Progress(w.Context(), begun, account.StagePassword, nil); !errors.Is(err, account.ErrUIASession) {
			w.Errorf("a session that was open = %v, want %v", err, account.ErrUIASession)
		}
		if want := (leaver{"@alice:hs.test": true}); !maps.Equal(w.left, want) {
			w.Errorf("told of %v, want %v", w.left, want)
		}
		if there, err := w.Exists(w.Context(), "@alice:hs.test"); err != nil || there {
			w.Errorf("Exists = %v, %v; want false", there, err)
		}
		if err := w.DeactivateUser(w.Context(), "@bob:hs.test", false); err != nil {
			w.Error(err)
		}
		w.lets("Bob's device, once the operator has ended his account", bob.AccessToken, account.ErrUnknownToken)
		for _, user := range []matrix.UserID{"@alice:hs.test", "@bob:hs.test", "@carol:hs.test", ""} {
			if err := w.DeactivateUser(w.Context(), user, false); !errors.Is(err, account.ErrNoUser) {
				w.Errorf("DeactivateUser(%q) = %v, want %v", user, err, account.ErrNoUser)
			}
		}
	})
}

// The password ends while a login that knows it is under way: it waits for a hasher,
// and lets nobody in.
func TestALoginMeetsTheEndOfItsPassword(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.joined("bob")
		leave := account.Occupy(w.Accounts)
		logins := make(chan error)
		for _, name := range []string{"alice", "bob"} {
			go func() {
				_, err := w.Login(w.Context(), account.Credentials{Name: name, Password: password})
				logins <- err
			}()
		}
		for account.Waiting(w.Accounts) < 2 {
			runtime.Gosched()
		}
		if err := w.DeactivateUser(w.Context(), alice.User, false); err != nil {
			w.Fatal(err)
		}
		account.SetHash(w.T, w.Accounts, bob.User)
		leave()
		for range 2 {
			if err := <-logins; !errors.Is(err, account.ErrCredentials) {
				w.Errorf("Login = %v, want %v", err, account.ErrCredentials)
			}
		}
		w.lets("Bob's former device", bob.AccessToken, nil)
	})
}

func TestTheOperatorsAccounts(t *testing.T) {
	each(t, func(w *world) {
		w.Accounts = w.open(nil) // registration is closed
		for _, name := range []string{"carol", "alice", "bob"} {
			user, err := w.CreateUser(w.Context(), account.NewUser{Name: name, Password: password, Admin: name == "bob"})
			if err != nil || user.Localpart() != name {
				w.Fatalf("CreateUser(%q) = %q, %v", name, user, err)
			}
		}
		for wish, want := range map[account.NewUser]error{
			{Name: "alice", Password: password}: account.ErrUserInUse,
			{Name: "a b", Password: password}:   account.ErrUsername,
			{Name: "dave", Password: "short"}:   account.ErrPasswordShort,
			{Name: "dave"}:                      account.ErrPasswordMissing,
		} {
			if _, err := w.CreateUser(w.Context(), wish); !errors.Is(err, want) {
				w.Errorf("CreateUser(%+v) = %v, want %v", wish, err, want)
			}
		}
		w.login(account.Credentials{Name: "bob", Password: password})
		var seen []matrix.UserID
		for after := matrix.UserID(""); ; {
			users, err := w.Users(w.Context(), after, 2)
			if err != nil {
				w.Fatal(err)
			}
			for _, u := range users {
				seen, after = append(seen, u.ID), u.ID
				if admin := u.ID == "@bob:hs.test"; u.Admin != admin || (u.Devices == 1) != admin || !u.Deactivated.IsZero() {
					w.Errorf("Users has %+v", u)
				}
			}
			if len(users) < 2 {
				break
			}
		}
		if len(seen) != 3 {
			w.Errorf("Users in steps of two = %v, want three", seen)
		}
	})
}
