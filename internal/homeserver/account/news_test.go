package account_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"signet/internal/homeserver/account"
	"signet/internal/idclient"
)

// told is what owners were told since it was asked last, in the order of the alphabet.
func (w *world) told() (all []string) {
	w.out.AttemptDue(w.Context())
	for _, n := range w.id.Told {
		all = append(all, fmt.Sprint(n["kind"], " ", n["address"], " ", n["user_id"], " ", n["device"], " ", n["im.signet.client_ip"], " ", n["im.signet.language"], " ", n["changed_ts"]))
	}
	w.id.Told = nil
	slices.Sort(all)
	return all
}

// A password is changed, and set by an address: the owner is told at every address, once, when it
// was and from where, by the process that comes after one that was killed too. Of what is refused
// nobody is told.
func TestTheOwnerIsToldOfANewPassword(t *testing.T) {
	each(t, func(w *world) {
		w.joined("alice")
		phone := w.login(account.Credentials{Name: "alice", Password: password, Device: account.NewDevice{DisplayName: "Phone"}}).Device
		change := account.PasswordChange{Password: another, From: account.Whence{Client: netip.MustParseAddr("203.0.113.7"), Language: "fr"}}
		wrong := &account.Auth{Stage: account.StagePassword, Password: "a guess"}
		w.challenge(w.SetPassword(w.Context(), phone, change, wrong))
		if err := w.SetPassword(w.Context(), phone, change, byPassword); err != nil {
			t.Fatal(err)
		}
		if told := w.told(); len(told) > 0 {
			t.Errorf("of an account without an address told are %q", told)
		}
		w.has(phone.User, "alice@example.org")
		w.clock.Advance(time.Hour)
		w.has(phone.User, "alice@example.com")

		change.Password = password
		w.challenge(w.SetPassword(w.Context(), phone, change, wrong))
		if err := w.SetPassword(w.Context(), phone, change, &account.Auth{Stage: account.StagePassword, Password: another}); err != nil {
			t.Fatal(err)
		}
		at := float64(w.clock.Now().UnixMilli())
		w.Contacts = w.contacts() // of the next process
		w.clock.Advance(2 * time.Hour)
		want := []string{fmt.Sprint("password alice@example.com @alice:hs.test Phone 203.0.113.7 fr ", at), fmt.Sprint("password alice@example.org @alice:hs.test Phone 203.0.113.7 fr ", at)}
		if told := w.told(); !slices.Equal(told, want) {
			t.Errorf("of a change told are %q, want %q", told, want)
		}

		shown := &account.Auth{Stage: account.StageEmail, Proof: w.shown(idclient.Reset, "alice@example.org")}
		change.LogoutDevices = true
		owner, err := w.ResetPassword(w.Context(), change, shown)
		if err != nil || owner != phone.User {
			t.Fatalf("ResetPassword = %s, %v", owner, err)
		}
		w.lets("the device", w.login(account.Credentials{Name: "alice", Password: password}).AccessToken, nil)
		at = float64(w.clock.Now().UnixMilli())
		want = []string{fmt.Sprint("password alice@example.com @alice:hs.test <nil> 203.0.113.7 fr ", at), fmt.Sprint("password alice@example.org @alice:hs.test <nil> 203.0.113.7 fr ", at)}
		if told := w.told(); !slices.Equal(told, want) {
			t.Errorf("of one by an address told are %q, want %q", told, want)
		}
		if _, err := w.ResetPassword(w.Context(), change, shown); !errors.As(err, new(account.Challenge)) {
			t.Errorf("the same session again: %v", err)
		}
		if told := w.told(); len(told) > 0 {
			t.Errorf("of nothing told are %q", told)
		}
	})
}
