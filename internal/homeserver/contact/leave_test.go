package contact_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"signet/internal/fedclient"
	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/idclient/idclienttest"
	"signet/internal/matrix"
	"signet/internal/store"
)

// end ends an account, as any process may. The transaction runs twice.
func (w *world) end(user matrix.UserID) {
	w.Helper()
	leaver := contact.Leaver{Trusted: w.Trusted, Now: w.clock.Now}
	for range 2 {
		if err := w.db.Tx(w.Context(), func(tx *store.Tx) error { return leaver.Leave(w.Context(), tx, user, false) }); err != nil {
			w.Fatal(err)
		}
	}
	w.ended[user] = true
}

// farewell checks whether nobody finds a user any more.
func (w *world) farewell(user matrix.UserID, want bool) {
	w.Helper()
	if gone, err := w.Farewell(w.Context(), user); gone != want || gone == (err != nil) {
		w.Errorf("gone is %v, %v, want %v", gone, err, want)
	}
}

// asks is how often identity servers are asked to unbind in a round.
func (w *world) asks(fails bool) (n int) {
	w.Helper()
	before := len(w.id.Asked)
	if err := w.Fulfil(w.Context()); (err != nil) != fails {
		w.Errorf("Fulfil = %v, which fails: %v", err, fails)
	}
	return len(w.id.Asked) - before
}

// Alice has addresses here and is found at two servers, at one of them by what a client of hers
// has bound there alone. Her account ends, and so does all of it; bob keeps his.
func TestWhoseAccountEndsIsFoundByNobody(t *testing.T) {
	each(t, func(w *world) {
		w.request(w.wish(idclient.Add, alice))
		w.has(alice)
		bobs := address(t, "email", "bob@example.org")
		w.bind(w.own(bob, "id.test", bobs))
		w.bind(w.own(alice, "other.test", w.email()))
		w.id.Bound["id.test msisdn 4915112345678"] = "@alice:hs.test"
		w.end(alice)
		if w.owner() != "" || w.of(alice) != nil {
			t.Errorf("%q has the address, alice has %q", w.owner(), w.of(alice))
		}
		w.farewell(alice, true)
		if want := map[string]string{"id.test email bob@example.org": "@bob:hs.test"}; !cmp.Equal(w.id.Bound, want) {
			t.Errorf("bound is %q, want %q", w.id.Bound, want)
		}
		w.farewell(alice, true) // of which nothing is left to do
		w.has(bob)              // of whom the address may be now
		if w.owner() != bob {
			t.Errorf("%q has the address", w.owner())
		}
	})
}

// A request to bind that was under way comes to its end later: the server is told once more
// after a while, and then nothing is kept.
func TestWhatIsBoundAfterTheEnd(t *testing.T) {
	each(t, func(w *world) {
		w.end(alice)
		w.farewell(alice, true)
		w.id.Bound["id.test email alice@example.org"] = "@alice:hs.test"
		if n := w.asks(false); n != 0 {
			t.Errorf("asked %d times at once", n)
		}
		w.clock.Advance(10 * time.Minute)
		if n := w.asks(false); n != 2 || len(w.id.Bound) > 0 {
			t.Errorf("asked %d times, bound is %q", n, w.id.Bound)
		}
		w.clock.Advance(24 * time.Hour)
		if n := w.asks(false); n != 0 || w.rows() != "" {
			t.Errorf("asked %d times in the end, left is %q", n, w.rows())
		}
	})
}

// The identity server is away when the account ends; this server is killed and starts anew. It
// asks ever more rarely, and in the end nobody is found.
func TestTheIdentityServerIsAwayAtTheEnd(t *testing.T) {
	each(t, func(w *world) {
		w.Trusted = w.Trusted[:1]
		w.has(alice)
		w.bind(w.own(alice, "id.test", w.email()))
		w.id.Down = true
		w.end(alice)
		w.farewell(alice, false)
		w.open()
		w.Trusted = w.Trusted[:1]
		var asked []time.Duration
		since := w.clock.Now()
		for range 12 * 60 {
			w.clock.Advance(time.Minute)
			if len(w.id.Asked) == 0 {
				t.Fatal("nobody was asked")
			}
			before := len(w.id.Asked)
			_ = w.Fulfil(t.Context())
			if len(w.id.Asked) > before {
				asked = append(asked, w.clock.Now().Sub(since)/time.Minute)
			}
		}
		if want := []time.Duration{1, 3, 7, 15, 31, 63, 127, 255, 511}; !slices.Equal(asked, want) {
			t.Errorf("asked after minutes %d, want %d", asked, want)
		}
		w.id.Down = false
		w.clock.Advance(6 * time.Hour)
		if n := w.asks(false); n != 1 || len(w.id.Bound) > 0 {
			t.Errorf("asked %d times, bound is %q", n, w.id.Bound)
		}
		w.clock.Advance(time.Hour)
		if w.asks(false); w.rows() != "" {
			t.Errorf("left is %q", w.rows())
		}
	})
}

// A server that never comes back is given up.
func TestAServerThatNeverComesBack(t *testing.T) {
	each(t, func(w *world) {
		w.Trusted = w.Trusted[:1]
		w.id.Down = true
		w.end(alice)
		rounds := 0
		for ; w.rows() != ""; rounds++ {
			_ = w.Fulfil(t.Context())
			w.clock.Advance(6 * time.Hour)
		}
		if days := rounds / 4; days < 80 || days > 100 {
			t.Errorf("given up after %d days", days)
		}
	})
}

// Of a server that knows this server's extensions not, addresses are unbound one by one: those
// of the account and those that were bound there. One that does not do that either is let be.
func TestServersWithoutExtensions(t *testing.T) {
	each(t, func(w *world) {
		unknown, forbidden := idclienttest.Refusal(404, "M_UNRECOGNIZED"), idclienttest.Refusal(403, "M_FORBIDDEN")
		answers := map[string]*fedclient.Response{"id.test/_signet/v1/users/unbind": &unknown, "other.test/_signet/v1/users/unbind": &unknown}
		w.id.Answers = func(asked string) *fedclient.Response { return answers[asked] }
		phone := address(t, "msisdn", "4915112345678")
		bound := func() {
			t.Helper()
			w.has(alice)
			w.bind(w.own(alice, "id.test", phone))
			w.id.Bound["id.test email alice@example.org"] = "@alice:hs.test" // by a client
			w.end(alice)
		}
		bound()
		answers["id.test/3pid/unbind"] = &forbidden // for a while
		w.farewell(alice, false)
		answers["id.test/3pid/unbind"] = &fedclient.Response{Status: 404, Body: []byte("nginx")} // of a server that is away
		w.farewell(alice, false)
		delete(answers, "id.test/3pid/unbind")
		w.farewell(alice, true)
		if len(w.id.Bound) > 0 {
			t.Errorf("bound is %q", w.id.Bound)
		}
		w.clock.Advance(time.Hour)
		if w.asks(false); w.rows() != "" {
			t.Errorf("left is %q", w.rows())
		}

		delete(w.ended, alice)
		bound()
		answers["id.test/3pid/unbind"] = &unknown
		w.farewell(alice, false)
		if rows := w.rows(); strings.Contains(rows, "id_server=id.test") {
			t.Errorf("left is %q", rows)
		}
		w.clock.Advance(time.Hour)
		w.asks(false)
		clear(w.id.Bound)
	})
}

// Many accounts end while a server is away: it is asked once a round, and the other for all.
func TestOneServerIsAway(t *testing.T) {
	each(t, func(w *world) {
		away := idclienttest.Refusal(502, "M_UNKNOWN")
		w.id.Answers = func(asked string) *fedclient.Response {
			if strings.HasPrefix(asked, "id.test") {
				return &away
			}
			return nil
		}
		for i := range 5 {
			w.end(matrix.UserID("@user" + string(rune('a'+i)) + ":hs.test"))
		}
		if n := w.asks(true); n != 1+5 {
			t.Errorf("asked %d times", n)
		}
		if n, err := w.Waiting(t.Context()); n != 5 || err != nil {
			t.Errorf("%d wait, %v", n, err)
		}
	})
}

// Wishes of which nobody has told are looked for each minute, also after a failure.
func TestRun(t *testing.T) {
	each(t, func(w *world) {
		ctx, stop := context.WithCancel(t.Context())
		next, reports, ended := make(chan time.Time), make(chan error), make(chan error)
		w.id.Down = true
		w.end(alice)
		go func() { ended <- contact.RunEach(w.Contacts, ctx, next, func(err error) { reports <- err }) }()
		for range 2 {
			if err := <-reports; !errors.Is(err, fedclient.ErrUnreachable) {
				t.Errorf("reported %v", err)
			}
			w.clock.Advance(time.Hour)
			next <- w.clock.Now()
		}
		<-reports
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
