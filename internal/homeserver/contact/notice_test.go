package contact_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/internal/fedclient"
	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/idclient/idclienttest"
	"signet/internal/matrix"
	"signet/internal/outbox"
	"signet/internal/store"
)

var loggedIn = contact.News{Kind: idclient.NewLogin, User: alice, Device: "Phone", Client: netip.MustParseAddr("2001:db8::1"), Language: "de"}

// tell tells of alice's login, in a transaction that runs twice.
func (w *world) tell() {
	w.Helper()
	for _, failure := range []error{errors.New("once more"), nil} {
		if err := w.db.Tx(w.Context(), func(tx *store.Tx) error {
			return errors.Join(w.Tell(w.Context(), tx, loggedIn), failure)
		}); !errors.Is(err, failure) {
			w.Fatal(err)
		}
	}
}

// send sends what is due.
func (w *world) send() { w.out.AttemptDue(w.Context()) }

// toldAt is where owners were told, in the order of the alphabet.
func (w *world) toldAt() (addresses []string) {
	for _, n := range w.id.Told {
		addresses = append(addresses, fmt.Sprint(n["address"]))
	}
	slices.Sort(addresses)
	return addresses
}

// Whoever logs in by one address is told of at the others too, at those that were there first.
func TestTheOwnerIsToldAtEveryAddress(t *testing.T) {
	each(t, func(w *world) {
		w.tell()
		if w.send(); len(w.id.Told) > 0 {
			t.Errorf("an account without an address: %v", w.id.Told)
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
		w.tell()
		at := w.clock.Now().UnixMilli()
		w.clock.Advance(time.Second)
		w.send()
		if want := []string{"alice@example.org", "other0@example.org", "other1@example.org", "other2@example.org"}; !slices.Equal(w.toldAt(), want) {
			t.Errorf("told are %q, want %q", w.toldAt(), want)
		}
		for _, n := range w.id.Told {
			what := fmt.Sprint(n["kind"], " ", n["user_id"], " ", n["device"], " ", n["im.signet.client_ip"], " ", n["im.signet.language"], " ", n["login_ts"])
			if want := fmt.Sprintf("login @alice:hs.test Phone 2001:db8::1 de %v", float64(at)); what != want {
				t.Errorf("told is %s, want %s", what, want)
			}
		}
	})
}

// The identity server is away for days, and this server is killed meanwhile: the owner is told
// when it is back, by one name whenever it was tried, and once. Whoever takes the address from
// the account in the meantime does not keep them from it, and is told of besides.
func TestTheOwnerIsToldWhenTheIdentityServerIsBack(t *testing.T) {
	each(t, func(w *world) {
		w.has(alice)
		w.tell()
		w.id.Down = true
		for range 5 {
			w.send()
			w.clock.Advance(time.Hour)
		}
		if err := w.remove(alice); err != nil {
			t.Fatal(err)
		}
		w.open()
		w.clock.Advance(5 * 24 * time.Hour)
		w.id.Down = false
		for _, passes := range []fedclient.Response{idclienttest.Refusal(http.StatusTooManyRequests, "M_LIMIT_EXCEEDED"), idclienttest.Refusal(http.StatusForbidden, matrix.ClockDiffers)} {
			w.id.Says = &passes
			w.send()
			w.clock.Advance(time.Hour)
		}
		w.id.Says = nil
		w.id.Answers = func(string) *fedclient.Response { // the answer is lost, this time
			if w.id.Last["kind"] != "login" {
				return nil
			}
			w.id.Answers = nil
			w.id.Told = append(w.id.Told, map[string]any{"address": "lost", "notice_id": w.id.Last["notice_id"]})
			return &fedclient.Response{Status: http.StatusOK, Body: []byte("<html>")}
		}
		for range 5 {
			w.clock.Advance(time.Hour)
			w.send()
		}
		w.id.Told = slices.DeleteFunc(w.id.Told, func(n map[string]any) bool { return n["kind"] == "address_removed" })
		if len(w.id.Told) != 2 || w.id.Told[1]["address"] != "alice@example.org" || w.id.Told[1]["notice_id"] == nil || w.id.Told[1]["notice_id"] != w.id.Told[0]["notice_id"] {
			t.Errorf("told are %v", w.id.Told)
		}
	})
}

// What is a week old, or refused, is given up, which the log says, without an address.
func TestTheOwnerCannotBeTold(t *testing.T) {
	each(t, func(w *world) {
		w.has(alice)
		for what, prepare := range map[string]func(){
			"a week":                    func() { w.id.Down = true; w.send(); w.clock.Advance(7*24*time.Hour + time.Second) },
			"a stranger's address":      func() { w.id.Says = new(idclienttest.Refusal(http.StatusForbidden, "M_FORBIDDEN")) },
			"a server without the call": func() { w.id.Says = new(idclienttest.Refusal(http.StatusNotFound, "M_UNRECOGNIZED")) },
			"an older server":           func() { w.id.Says = new(idclienttest.Refusal(http.StatusBadRequest, "M_INVALID_PARAM")) },
			"no identity server":        func() { w.Trusted = nil },
		} {
			w.tell()
			prepare()
			w.send()
			w.open()
			w.id.Down, w.id.Says = false, nil
			w.clock.Advance(time.Hour)
			if w.send(); len(w.id.Told) > 0 {
				t.Errorf("%s: told are %v", what, w.id.Told)
				w.id.Told = nil
			}
			if log := w.log.String(); !strings.Contains(log, "outcome=dead") || strings.Contains(log, "example.org") {
				t.Errorf("%s: the log is\n%s", what, log)
			}
			w.log.Reset()
		}
		w.tell() // a proxy speaks for a server that is away
		w.id.Says = new(fedclient.Response{Status: http.StatusNotFound, Body: []byte("nginx")})
		w.send()
		w.id.Says = nil
		w.clock.Advance(time.Hour)
		if w.send(); len(w.id.Told) != 1 {
			t.Errorf("told are %v", w.id.Told)
		}
	})
}

// What was put before there were kinds, by the version before, is word of a login.
func TestANoticeThatNamesNoKind(t *testing.T) {
	each(t, func(w *world) {
		payload := []byte(`{"medium":"email","address":"alice@example.org","user":"@alice:hs.test","at":1700000000000}`)
		err := w.db.Tx(t.Context(), func(tx *store.Tx) error {
			_, err := w.out.Put(t.Context(), tx, outbox.Work{Kind: "contact.notice", Key: "1", Payload: payload, Expires: w.clock.Now().Add(time.Hour)})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if w.send(); len(w.id.Told) != 1 || w.id.Told[0]["kind"] != "login" || w.id.Told[0]["login_ts"] != float64(1_700_000_000_000) {
			t.Errorf("told are %v", w.id.Told)
		}
	})
}

// An address comes, and goes: the owner is told at those that were there, at the one that goes
// too, once for each. Of one that they have already, or that is nobody's, nobody is told.
func TestTheOwnerIsToldOfAddresses(t *testing.T) {
	each(t, func(w *world) {
		from := contact.News{User: alice, Client: netip.MustParseAddr("2001:db8::1"), Language: "de"}
		shows := func(email, secret string) contact.Proof {
			t.Helper()
			wish := w.wish(idclient.Add, alice)
			wish.Address, wish.ClientSecret = address(t, "email", email), secret
			return w.prove(w.shown(wish), idclient.Add, alice)
		}
		add := func(p contact.Proof) {
			t.Helper()
			w.clock.Advance(time.Minute)
			if err := w.db.Tx(t.Context(), func(tx *store.Tx) error {
				return errors.Join(w.Spend(t.Context(), tx, p), w.TellOfAddress(t.Context(), tx, from, p), w.Add(t.Context(), tx, alice, p))
			}); err != nil {
				t.Fatal(err)
			}
		}
		want := func(what, kind string, addresses ...string) {
			t.Helper()
			at := float64(w.clock.Now().UnixMilli())
			w.clock.Advance(time.Second)
			w.send()
			if !slices.Equal(w.toldAt(), addresses) {
				t.Errorf("%s: told are %q, want %q", what, w.toldAt(), addresses)
			}
			for _, n := range w.id.Told {
				if n["kind"] != kind || n["changed_ts"] != at || n["login_ts"] != nil || n["im.signet.client_ip"] != "2001:db8::1" || n["user_id"] != alice.String() {
					t.Errorf("%s: told is %v", what, n)
				}
			}
			w.id.Told = nil
		}
		remove := func(email string) {
			t.Helper()
			if err := w.Delete(t.Context(), from, "", address(t, "email", email)); !errors.Is(err, contact.ErrNoSupport) {
				t.Fatal(err)
			}
		}
		add(shows("alice@example.org", "a"))
		want("the first", "")
		second, again := shows("alice@example.com", "b"), shows("alice@example.com", "c")
		add(second)
		want("the second", "address_added", "alice@example.org")
		add(again)
		want("the second again", "")
		remove("nobody@example.org")
		want("nobody's", "")
		remove("alice@example.org")
		want("the first goes", "address_removed", "alice@example.com", "alice@example.org")
		remove("alice@example.org")
		want("it is gone", "")
	})
}
