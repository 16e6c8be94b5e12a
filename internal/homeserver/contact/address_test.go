package contact_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/threepid"
)

// of is a user's addresses as texts.
func (w *world) of(user matrix.UserID) (texts []string) {
	w.Helper()
	all, err := w.Of(w.Context(), user)
	if err != nil {
		w.Fatal(err)
	}
	for _, c := range all {
		texts = append(texts, c.Address.String())
	}
	return texts
}

// Alice has an address and a number, until she has them deleted.
func TestAddressesOfAnAccount(t *testing.T) {
	each(t, func(w *world) {
		w.has(alice)
		w.clock.Advance(time.Minute)
		phone := w.wish(idclient.Add, alice)
		phone.Address = address(t, "msisdn", "4915112345678")
		if err := w.use(w.prove(w.shown(phone), idclient.Add, alice), alice); err != nil {
			t.Fatal(err)
		}
		if want := []string{"alice@example.org", "4915112345678"}; !cmp.Equal(w.of(alice), want) || w.of(bob) != nil {
			t.Errorf("alice has %q, bob %q; want %q", w.of(alice), w.of(bob), want)
		}
		all, err := w.Of(t.Context(), alice)
		if want := (contact.Contact{Address: phone.Address, Validated: time.UnixMilli(1_600_000_000_000), Added: w.clock.Now()}); err != nil || all[1] != want {
			t.Errorf("her number is %+v, want %+v", all[1], want)
		}
		for who, want := range map[threepid.Address]matrix.UserID{w.email(): alice, phone.Address: alice, address(t, "email", "bob@example.org"): ""} {
			if got, err := w.Owner(t.Context(), who); got != want || (want == "") != errors.Is(err, contact.ErrUnknown) {
				t.Errorf("%s has it, %v; want %q", got, err, want)
			}
		}
		for _, user := range []matrix.UserID{bob, alice, alice} {
			if err := w.remove(user); err != nil {
				t.Error(err)
			}
			if got := len(w.of(alice)); (got == 2) != (user == bob) {
				t.Errorf("deleted for %s, alice has %d", user, got)
			}
		}
	})
}

// Two who have shown that an address is theirs: the first has it.
func TestAnAddressHasOneOwner(t *testing.T) {
	each(t, func(w *world) {
		p := w.prove(w.shown(w.wish(idclient.Add, bob)), idclient.Add, bob)
		w.has(alice)
		before := w.rows()
		if err := w.use(p, bob); !errors.Is(err, contact.ErrInUse) || w.owner() != alice {
			t.Errorf("bob's: %v, and %s has it", err, w.owner())
		}
		if after := w.rows(); after != before {
			t.Errorf("the rows were\n%q, and are\n%q", before, after)
		}
		if err := w.remove(alice); err != nil {
			t.Fatal(err)
		}
		if err := w.use(p, bob); err != nil || w.owner() != bob {
			t.Errorf("then bob's: %v, and %s has it", err, w.owner())
		}
	})
}

// Of many who have shown an address and add it at the same time, one has it.
func TestOneOwnerOfMany(t *testing.T) {
	each(t, func(w *world) {
		var race sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			user := matrix.UserID("@user" + string(rune('a'+i)) + ":hs.test")
			p := w.prove(w.shown(w.wish(idclient.Add, user)), idclient.Add, user)
			race.Go(func() { errs[i] = w.use(p, user) })
		}
		race.Wait()
		won := slices.DeleteFunc(errs, func(err error) bool { return errors.Is(err, contact.ErrInUse) })
		if len(won) != 1 || won[0] != nil || w.owner() == "" {
			t.Errorf("it was added with %v, and %q has it", won, w.owner())
		}
	})
}

// Shown again, an address stays its owner's, as shown later.
func TestShownAgain(t *testing.T) {
	each(t, func(w *world) {
		earlier := w.prove(w.shown(w.wish(idclient.Add, alice)), idclient.Add, alice)
		w.has(alice)
		w.clock.Advance(time.Hour)
		if err := w.use(earlier, alice); err != nil {
			t.Error(err)
		}
		if all, err := w.Of(t.Context(), alice); err != nil || len(all) != 1 || !all[0].Added.Equal(w.clock.Now().Add(-time.Hour)) {
			t.Errorf("alice has %+v, %v", all, err)
		}
	})
}

func TestProofsThatAddNothing(t *testing.T) {
	each(t, func(w *world) {
		mine := w.prove(w.shown(w.wish(idclient.Add, alice)), idclient.Add, alice)
		if err := w.use(mine, bob); !errors.Is(err, contact.ErrSession) {
			t.Errorf("alice's proof for bob: %v", err)
		}
		w.has(alice)
		reset := w.prove(w.shown(w.wish(idclient.Reset, "")), idclient.Reset, "")
		if err := w.use(reset, bob); !errors.Is(err, contact.ErrSession) {
			t.Errorf("a new password's for bob: %v", err)
		}
		phone := w.wish(idclient.Add, bob)
		phone.Address = address(t, "msisdn", "4915112345678")
		p := w.prove(w.shown(phone), idclient.Add, bob)
		w.ended[bob] = true
		if err := w.use(p, bob); !errors.Is(err, contact.ErrEnded) {
			t.Errorf("for an account that has ended: %v", err)
		}
		if w.of(bob) != nil {
			t.Errorf("bob has %q", w.of(bob))
		}
		delete(w.ended, bob)
	})
}
