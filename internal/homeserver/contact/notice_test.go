package contact_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"signet/internal/homeserver/contact"
	"signet/internal/homeserver/contact/contacttest"
	"signet/internal/idclient"
)

var loggedIn = contact.NewLogin{User: alice, Device: "Phone", Client: netip.MustParseAddr("2001:db8::1"), Language: "de"}

// Whoever logs in by one address is told of at the others too, at those that were there first.
func TestTheOwnerIsToldAtEveryAddress(t *testing.T) {
	each(t, func(w *world) {
		if err := w.Tell(w.Context(), loggedIn); err != nil || len(w.id.Told) > 0 {
			t.Errorf("an account without an address: %v, %v", w.id.Told, err)
		}
		w.has(alice)
		for i := range 5 {
			w.clock.Advance(time.Hour)
			wish := w.wish(idclient.Add, alice)
			wish.Address, wish.ClientSecret = address(t, "email", fmt.Sprintf("other%d@example.org", i)), fmt.Sprint("s", i)
			if err := w.use(w.prove(w.shown(wish), idclient.Add, alice), alice); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Tell(w.Context(), loggedIn); err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, n := range w.id.Told {
			told = append(told, fmt.Sprint(n["address"], n["user_id"], n["device"], n["im.signet.client_ip"], n["im.signet.language"]))
		}
		const rest = "@example.org@alice:hs.testPhone2001:db8::1de"
		if want := []string{"alice" + rest, "other0" + rest, "other1" + rest, "other2" + rest}; strings.Join(told, " ") != strings.Join(want, " ") {
			t.Errorf("told are %q, want %q", told, want)
		}
	})
}

// One address that cannot be told keeps no other from it, and the error names none.
func TestTheOwnerCannotBeTold(t *testing.T) {
	each(t, func(w *world) {
		w.has(alice)
		w.id.Down = true
		err := w.Tell(w.Context(), loggedIn)
		if err == nil || strings.Contains(err.Error(), "example.org") {
			t.Errorf("an identity server that is away: %v", err)
		}
		w.id.Down, w.id.Says = false, new(contacttest.Refusal(429, "M_LIMIT_EXCEEDED"))
		if err := w.Tell(w.Context(), loggedIn); err == nil {
			t.Error("nobody is told, and there is no error")
		}
		w.Trusted = nil
		if err := w.Tell(w.Context(), loggedIn); !errors.Is(err, contact.ErrNoIdentityServer) {
			t.Errorf("without an identity server = %v", err)
		}
	})
}
