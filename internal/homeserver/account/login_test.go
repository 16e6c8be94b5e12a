package account_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"signet/internal/homeserver/account"
	"signet/internal/matrix"
)

func (w *world) login(c account.Credentials) account.Login {
	w.Helper()
	login, err := w.Login(w.Context(), c)
	if err != nil {
		w.Fatalf("logging in as %q: %v", c.Name, err)
	}
	return login
}

func TestLoginNames(t *testing.T) {
	each(t, func(w *world) {
		w.joined("alice")
		for _, name := range []string{"alice", "Alice", "@alice:hs.test", "@Alice:hs.test"} {
			if login := w.login(account.Credentials{Name: name, Password: password}); login.User != "@alice:hs.test" {
				w.Errorf("logged in as %q: %v", name, login.Device)
			}
		}
		for _, c := range []account.Credentials{
			{Name: "alice", Password: password + " "},
			{Name: "alice", Password: "Correct horse"},
			{Name: "alice", Password: ""},
			{Name: "bob", Password: password},
			{Name: "", Password: password},
			{Name: "@alice:other.test", Password: password},
			{Name: "alice:hs.test", Password: password},
			{Name: "alice@hs.test", Password: password},
			{Name: "@alice", Password: password},
			{Name: strings.Repeat("a", 300), Password: password},
		} {
			devices := w.rows()["account_devices"]
			if login, err := w.Login(w.Context(), c); !errors.Is(err, account.ErrCredentials) || login != (account.Login{}) {
				w.Errorf("Login(%q, %q) = %v, %v; want %v", c.Name, c.Password, login, err, account.ErrCredentials)
			}
			if got := w.rows()["account_devices"]; got != devices {
				w.Errorf("Login(%q, %q) made a device", c.Name, c.Password)
			}
		}
	})
}

func TestAKnownDeviceGetsANewToken(t *testing.T) {
	each(t, func(w *world) {
		w.joined("alice")
		phone := account.NewDevice{ID: "PHONE", DisplayName: strings.Repeat("é", 101)}
		first := w.login(account.Credentials{Name: "alice", Password: password, Device: phone})
		phone.DisplayName = "ignored"
		second := w.login(account.Credentials{Name: "alice", Password: password, Device: phone})
		if _, err := w.Authenticate(w.Context(), first.AccessToken); !errors.Is(err, account.ErrUnknownToken) {
			w.Errorf("the first token = %v, want %v", err, account.ErrUnknownToken)
		}
		if got, err := w.Authenticate(w.Context(), second.AccessToken); err != nil || got.ID != "PHONE" {
			w.Errorf("the second token = %v, %v", got, err)
		}
		var name string
		err := w.db.QueryRow(w.Context(), "SELECT display_name FROM account_devices WHERE device_id = 'PHONE'").Scan(&name)
		if err != nil || name != strings.Repeat("é", 100) {
			w.Errorf("display name = %q, %v; want the first 100 characters of the first", name, err)
		}
	})
}

// The same device id at another user is another device.
func TestDevicesAreTheirUsersOwn(t *testing.T) {
	each(t, func(w *world) {
		w.joined("alice")
		w.joined("bob")
		phone := account.NewDevice{ID: "PHONE"}
		alices := w.login(account.Credentials{Name: "alice", Password: password, Device: phone})
		bobs := w.login(account.Credentials{Name: "bob", Password: password, Device: phone})
		if err := w.Logout(w.Context(), bobs.Device); err != nil {
			w.Fatal(err)
		}
		if _, err := w.Authenticate(w.Context(), alices.AccessToken); err != nil {
			w.Errorf("Alice's device after Bob's logout: %v", err)
		}
		if _, err := w.Authenticate(w.Context(), bobs.AccessToken); !errors.Is(err, account.ErrUnknownToken) {
			w.Errorf("Bob's device after his logout = %v, want %v", err, account.ErrUnknownToken)
		}
	})
}

func TestKnownDevices(t *testing.T) {
	each(t, func(w *world) {
		first := w.joined("alice")
		w.joined("bob")
		w.login(account.Credentials{Name: "alice", Password: password, Device: account.NewDevice{ID: "PHONE", DisplayName: "Alice's phone"}})
		got, err := w.Known(w.Context(), w.db, "@alice:hs.test")
		names := map[account.DeviceID]string{}
		for _, d := range got {
			names[d.ID] = d.DisplayName
		}
		if want := map[account.DeviceID]string{first.ID: "", "PHONE": "Alice's phone"}; err != nil || !maps.Equal(names, want) {
			w.Errorf("Alice's devices = %v, %v; want %v", names, err, want)
		}
		if got, err := w.Known(w.Context(), w.db, "@nobody:hs.test"); err != nil || len(got) != 0 {
			w.Errorf("nobody's devices = %v, %v", got, err)
		}
	})
}

func TestLogoutAll(t *testing.T) {
	each(t, func(w *world) {
		first, bobs := w.joined("alice"), w.joined("bob")
		second := w.login(account.Credentials{Name: "alice", Password: password})
		if err := w.LogoutAll(w.Context(), "@alice:hs.test"); err != nil {
			w.Fatal(err)
		}
		for _, login := range []account.Login{first, second} {
			if _, err := w.Authenticate(w.Context(), login.AccessToken); !errors.Is(err, account.ErrUnknownToken) {
				w.Errorf("Alice's token = %v, want %v", err, account.ErrUnknownToken)
			}
		}
		if _, err := w.Authenticate(w.Context(), bobs.AccessToken); err != nil {
			w.Errorf("Bob's token: %v", err)
		}
	})
}

// Forty guesses at the same moment are ten guesses, whether or not the account
// exists.
func TestGuessesAreCountedOneByOne(t *testing.T) {
	const n = 40
	each(t, func(w *world) {
		w.joined("alice")
		for _, name := range []string{"alice", "nobody", "@alice:other.test"} {
			errs := crowd(n, func(int) error {
				_, err := w.Login(w.Context(), account.Credentials{Name: name, Password: "wrong guess"})
				return err
			})
			limited := 0
			for _, err := range errs {
				if limit, ok := errors.AsType[matrix.LimitExceeded](err); ok && limit.RetryAfter == time.Second {
					limited++
				}
			}
			if tried := counted(errs, account.ErrCredentials); tried != 10 || limited != n-10 {
				w.Errorf("%q: %d guesses tried and %d put off, want 10 and %d", name, tried, limited, n-10)
			}
		}
	})
}

// A stranger keeps guessing. The owner never waits for more than a minute, and once
// in, nothing of the guesses is left.
func TestAStrangerCannotLockTheOwnerOut(t *testing.T) {
	each(t, func(w *world) {
		w.joined("alice")
		guess := account.Credentials{Name: "alice", Password: "wrong guess"}
		longest, guesses := time.Duration(0), 0
		for range 30 {
			_, err := w.Login(w.Context(), guess)
			limit, limited := errors.AsType[matrix.LimitExceeded](err)
			if !limited {
				guesses++
				continue
			}
			if limit.RetryAfter < longest {
				w.Errorf("the wait shrank from %v to %v", longest, limit.RetryAfter)
			}
			longest = limit.RetryAfter
			w.clock.Advance(limit.RetryAfter)
		}
		if longest != time.Minute {
			w.Errorf("the longest wait was %v after %d guesses, want a minute", longest, guesses)
		}
		owner := account.Credentials{Name: "alice", Password: password}
		if _, err := w.Login(w.Context(), owner); err == nil {
			w.Fatal("nobody was put off")
		}
		w.clock.Advance(time.Minute)
		w.login(owner)
		w.login(owner)
	})
}

// Attempts that are put off do not prolong the wait, and an hour without any
// forgets them all.
func TestWaitingIsNeverProlonged(t *testing.T) {
	each(t, func(w *world) {
		guess := account.Credentials{Name: "alice", Password: "wrong guess"}
		for range 100 {
			_, _ = w.Login(w.Context(), guess)
		}
		w.clock.Advance(time.Second)
		if _, err := w.Login(w.Context(), guess); !errors.Is(err, account.ErrCredentials) {
			w.Errorf("after the second that was asked for: %v", err)
		}
		w.clock.Advance(time.Hour)
		for i := range 10 {
			if _, err := w.Login(w.Context(), guess); !errors.Is(err, account.ErrCredentials) {
				w.Errorf("guess %d an hour later: %v", i+1, err)
			}
		}
	})
}

// Whoever does not exist is hashed for like everybody else: with all hashers busy
// the answer has to wait for one, too.
func TestUnknownUsersTakeTheSameWork(t *testing.T) {
	each(t, func(w *world) {
		w.joined("alice")
		w.has("@alice:hs.test", "alice@example.org")
		var all []account.Credentials
		for _, name := range []string{"alice", "nobody", "@alice:other.test", "\u202e"} {
			all = append(all, account.Credentials{Name: name, Password: "wrong guess"})
		}
		for _, address := range []string{"alice@example.org", "nobody@example.org"} {
			all = append(all, account.Credentials{Address: w.address(address), Password: "wrong guess"})
		}
		for _, c := range all {
			ctx, cancel := context.WithCancel(w.Context())
			leave := account.Occupy(w.Accounts)
			answer := make(chan error)
			go func() {
				_, err := w.Login(ctx, c)
				answer <- err
			}()
			cancel()
			if err := <-answer; !errors.Is(err, context.Canceled) {
				w.Errorf("%q %q was answered without a hash: %v", c.Name, c.Address.String(), err)
			}
			leave()
		}
	})
}
