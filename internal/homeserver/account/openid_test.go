package account_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"signet/internal/homeserver/account"
	"signet/internal/matrix"
	"signet/internal/seal"
)

func (w *world) openIDOf(d account.Device) string {
	w.Helper()
	token, err := w.IssueOpenID(w.Context(), d, d.User)
	if err != nil {
		w.Fatal(err)
	}
	return token
}

func TestOpenIDTokenSpeaksForItsOwnerForAnHour(t *testing.T) {
	each(t, func(w *world) {
		token := w.openIDOf(w.joined("alice").Device)
		w.clock.Advance(time.Hour - time.Millisecond)
		for range 2 { // it may be exchanged again
			if user, err := w.OpenIDUser(w.Context(), token); err != nil || user != "@alice:hs.test" {
				w.Errorf("OpenIDUser = %q, %v", user, err)
			}
		}
		w.clock.Advance(time.Millisecond)
		if _, err := w.OpenIDUser(w.Context(), token); !errors.Is(err, account.ErrUnknownToken) {
			w.Errorf("an hour later = %v, want %v", err, account.ErrUnknownToken)
		}
	})
}

// Neither kind of token does the work of the other, and no session that of either.
func TestTokensAreOfOneKind(t *testing.T) {
	each(t, func(w *world) {
		login := w.joined("alice")
		openID, session := w.openIDOf(login.Device), w.session()
		for _, token := range []string{openID, session, "", "nonsense"} {
			if _, err := w.Authenticate(w.Context(), token); !errors.Is(err, account.ErrUnknownToken) {
				w.Errorf("Authenticate = %v, want %v", err, account.ErrUnknownToken)
			}
		}
		for _, token := range []string{login.AccessToken, session, "", "nonsense"} {
			if _, err := w.OpenIDUser(w.Context(), token); !errors.Is(err, account.ErrUnknownToken) {
				w.Errorf("OpenIDUser = %v, want %v", err, account.ErrUnknownToken)
			}
		}
	})
}

func TestNobodyGetsAnothersOpenIDToken(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice").Device
		w.joined("bob")
		for _, user := range []matrix.UserID{"@bob:hs.test", "@alice:other.test", "@Alice:hs.test", "alice", ""} {
			if _, err := w.IssueOpenID(w.Context(), alice, user); !errors.Is(err, account.ErrNotOwner) {
				w.Errorf("IssueOpenID for %q = %v, want %v", user, err, account.ErrNotOwner)
			}
		}
		if n := w.rows()["account_openid"]; n != 0 {
			w.Errorf("%d tokens were stored", n)
		}
	})
}

func TestOpenIDTokensEndWithTheirDevice(t *testing.T) {
	each(t, func(w *world) {
		phone, laptop := w.joined("alice").Device, w.login(account.Credentials{Name: "alice", Password: password}).Device
		phones, laptops := w.openIDOf(phone), w.openIDOf(laptop)
		if err := w.Logout(w.Context(), phone); err != nil {
			w.Fatal(err)
		}
		if _, err := w.OpenIDUser(w.Context(), phones); !errors.Is(err, account.ErrUnknownToken) {
			w.Errorf("the phone's token = %v, want %v", err, account.ErrUnknownToken)
		}
		if _, err := w.OpenIDUser(w.Context(), laptops); err != nil {
			w.Errorf("the laptop's token: %v", err)
		}
		if _, err := w.IssueOpenID(w.Context(), phone, phone.User); !errors.Is(err, account.ErrUnknownToken) {
			w.Errorf("a device that is gone = %v, want %v", err, account.ErrUnknownToken)
		}
		if err := w.LogoutAll(w.Context(), laptop.User); err != nil {
			w.Fatal(err)
		}
		if _, err := w.OpenIDUser(w.Context(), laptops); !errors.Is(err, account.ErrUnknownToken) {
			w.Errorf("after LogoutAll = %v, want %v", err, account.ErrUnknownToken)
		}
	})
}

func TestSweepDeletesWhatIsOver(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice")
		fill := func() {
			w.session()
			w.openIDOf(alice.Device)
			_, _ = w.Login(w.Context(), account.Credentials{Name: "alice", Password: "wrong guess"})
			_, _ = w.Login(w.Context(), account.Credentials{Name: "bob", Password: "wrong guess"})
		}
		fill()
		w.clock.Advance(time.Hour - time.Millisecond)
		if err := w.Sweep(w.Context()); err != nil {
			w.Fatal(err)
		}
		if got := w.rows(); got["account_uia"] != 1 || got["account_openid"] != 1 || got["account_attempts"] != 2 {
			w.Errorf("before their time: %v", got)
		}
		w.clock.Advance(time.Millisecond)
		w.session()
		if err := w.Sweep(w.Context()); err != nil {
			w.Fatal(err)
		}
		got := w.rows()
		if got["account_uia"] != 1 || got["account_openid"] != 0 || got["account_attempts"] != 0 || got["account_users"] != 1 || got["account_devices"] != 1 {
			w.Errorf("after their time: %v", got)
		}
	})
}

func TestTheDatabaseLetsNobodyIn(t *testing.T) {
	each(t, func(w *world) {
		login := w.joined("alice")
		secrets := []string{login.AccessToken, w.openIDOf(login.Device), w.session(), password}
		typed := "my password, in the wrong field"
		_, _ = w.Login(w.Context(), account.Credentials{Name: typed, Password: "wrong guess"})
		dump := w.dump()
		if !strings.Contains(dump, "@alice:hs.test") {
			w.Fatal("the dump does not even hold the user")
		}
		for _, secret := range append(secrets, typed, "wrong guess") {
			if strings.Contains(dump, secret) || strings.Contains(dump, hex.EncodeToString([]byte(secret))) {
				w.Errorf("a secret stands in the database in clear")
			}
			if strings.Contains(dump, string(seal.MAC{}.Of(secret))) || strings.Contains(dump, string(seal.Index{}.Of(secret))) {
				w.Errorf("the hash of a secret stands in the database, made without a key")
			}
		}
	})
}
