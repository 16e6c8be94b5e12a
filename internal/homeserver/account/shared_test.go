package account_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"signet/internal/homeserver/account"
)

// shared is a registration by the secret, as a tool would send it.
func (w *world) shared(name string, admin bool, secret string) account.SharedRegistration {
	w.Helper()
	nonce, err := w.Nonce(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	role := map[bool]string{true: "admin", false: "notadmin"}[admin]
	h := hmac.New(sha1.New, []byte(secret))
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00%s", nonce, name, password, role)
	return account.SharedRegistration{Nonce: nonce, Username: name, Password: password, Admin: admin, MAC: hex.EncodeToString(h.Sum(nil))}
}

func TestRegisteringByTheSharedSecret(t *testing.T) {
	each(t, func(w *world) {
		w.Accounts = w.open(nil) // registration is closed
		for _, admin := range []bool{false, true} {
			name := fmt.Sprint("User", admin)
			login, err := w.RegisterShared(w.Context(), w.shared(name, admin, sharedSecret))
			if err != nil || login.User.Localpart() != strings.ToLower(name) {
				w.Fatalf("RegisterShared = %+v, %v", login, err)
			}
			w.lets(name, login.AccessToken, nil)
		}
		users, err := w.Users(w.Context(), "", 10)
		if err != nil || len(users) != 2 || users[0].Admin == users[1].Admin {
			w.Errorf("Users = %+v, %v; want one administrator", users, err)
		}
	})
}

func TestWhatTheSharedSecretDoesNotLetIn(t *testing.T) {
	each(t, func(w *world) {
		w.joined("taken")
		used := w.shared("alice", false, sharedSecret)
		if _, err := w.RegisterShared(w.Context(), used); err != nil {
			w.Fatal(err)
		}
		late := w.shared("late", false, sharedSecret)
		w.clock.Advance(time.Minute)
		change := func(r account.SharedRegistration, edit func(*account.SharedRegistration)) account.SharedRegistration {
			edit(&r)
			return r
		}
		good := w.shared("bob", false, sharedSecret)
		before := w.rows()
		for what, test := range map[string]struct {
			r    account.SharedRegistration
			want error
		}{
			"a used nonce":       {used, account.ErrNonce},
			"an old nonce":       {late, account.ErrNonce},
			"no nonce":           {change(good, func(r *account.SharedRegistration) { r.Nonce = "" }), account.ErrNonce},
			"another's nonce":    {change(good, func(r *account.SharedRegistration) { r.Nonce = w.session() }), account.ErrNonce},
			"another role":       {change(good, func(r *account.SharedRegistration) { r.Admin = true }), account.ErrSharedMAC},
			"another name":       {change(good, func(r *account.SharedRegistration) { r.Username = "carol" }), account.ErrSharedMAC},
			"another password":   {change(good, func(r *account.SharedRegistration) { r.Password = another }), account.ErrSharedMAC},
			"no MAC":             {change(good, func(r *account.SharedRegistration) { r.MAC = "" }), account.ErrSharedMAC},
			"another secret":     {w.shared("bob", false, "guess"), account.ErrSharedMAC},
			"no secret":          {w.shared("bob", false, ""), account.ErrSharedMAC},
			"a taken name":       {w.shared("Taken", false, sharedSecret), account.ErrUserInUse},
			"a name that is not": {w.shared("us,er", false, sharedSecret), account.ErrUsername},
		} {
			if _, err := w.RegisterShared(w.Context(), test.r); !errors.Is(err, test.want) {
				w.Errorf("%s = %v, want %v", what, err, test.want)
			}
		}
		if after := w.rows(); after["account_users"] != before["account_users"] {
			w.Errorf("refusing made accounts: %v became %v", before, after)
		}
		if _, err := w.RegisterShared(w.Context(), good); err != nil {
			w.Errorf("after all that: %v", err)
		}
	})
}

// One nonce is for one account.
func TestANonceIsUsedOnce(t *testing.T) {
	const n = 6
	each(t, func(w *world) {
		r := w.shared("alice", false, sharedSecret)
		errs := crowd(n, func(int) error {
			_, err := w.RegisterShared(w.Context(), r)
			return err
		})
		if made := counted(errs, nil); made != 1 {
			w.Errorf("%d registrations succeeded: %v", made, errors.Join(errs...))
		}
	})
}

func TestWithoutASharedSecretNobodyHasIt(t *testing.T) {
	each(t, func(w *world) {
		w.SharedSecret = nil
		if _, err := w.Nonce(w.Context()); !errors.Is(err, account.ErrNoSharedSecret) {
			w.Errorf("Nonce = %v, want %v", err, account.ErrNoSharedSecret)
		}
		w.SharedSecret = []byte(sharedSecret)
		r := w.shared("alice", true, "")
		w.SharedSecret = nil
		if _, err := w.RegisterShared(w.Context(), r); !errors.Is(err, account.ErrNoSharedSecret) {
			w.Errorf("RegisterShared = %v, want %v", err, account.ErrNoSharedSecret)
		}
	})
}
