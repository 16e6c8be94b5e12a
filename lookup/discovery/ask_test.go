package discovery_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/lookup/discovery"
)

const (
	alice = matrix.UserID("@alice:example.org")
	bob   = matrix.UserID("@bob:example.org")
)

// An address book costs what is in it once: again it is free, at another replica and after
// a restart too.
func TestWhatWasAskedBeforeIsFree(t *testing.T) {
	each(t, func(w *world) {
		w.want(w.a, by(alice), w.ids(0, 250), 250)
		for _, d := range []*discovery.Discovery{w.a, w.b, w.replica()} {
			for range 3 {
				w.want(d, by(alice), w.ids(0, 250), 250)
			}
		}
		w.want(w.b, by(alice), w.ids(250, 300), 50) // the rest of 300
		w.refused(w.a, by(alice), w.ids(1000, 1004))
		w.want(w.a, by(alice), w.ids(0, 300), 300)
	})
}

// Over budget, a large book gets as far as it can, further each day, in the same order; what
// was told stays free.
func TestALargeBookGetsFurtherEachTime(t *testing.T) {
	each(t, func(w *world) {
		book := w.ids(0, 500)
		w.want(w.a, by(alice), book, 300)
		w.want(w.b, by(alice), book, 300)
		w.clock.Advance(24 * time.Hour)
		w.want(w.b, by(alice), book, 310)
		w.clock.Advance(19 * 24 * time.Hour)
		w.want(w.a, by(alice), book, 500)
	})
}

// Somebody who has used up all can still ask for one or two addresses, a few times a day.
func TestTheReserveIsForFew(t *testing.T) {
	each(t, func(w *world) {
		w.want(w.a, by(alice), w.ids(0, 300), 300)
		w.refused(w.a, by(alice), w.ids(300, 304))
		for n := range 20 {
			w.want(w.a, by(alice), w.ids(400+n, 401+n), 1)
		}
		if wait := w.refused(w.a, by(alice), w.ids(500, 501)); wait > 3*time.Hour {
			w.Errorf("told to wait %s for one address", wait)
		}
		if wait := w.refused(w.a, by(alice), w.ids(600, 700)); wait > 3*time.Hour {
			w.Errorf("told to wait %s for the first of many", wait)
		}
	})
}

// What an account has verified here earns it more. A number that goes from account to
// account earns it once.
func TestVerifiedAddressesEarnMore(t *testing.T) {
	each(t, func(w *world) {
		w.earned[alice] = discovery.Earned{Number: "a number"}
		w.earned[bob] = discovery.Earned{Mailbox: "a mailbox", Domain: "example.org"}
		w.want(w.a, by(alice), w.ids(0, 5000), 3000)
		w.want(w.a, by(bob), w.ids(0, 5000), 1000)
		w.earned[bob] = discovery.Earned{Number: "a number", Mailbox: "a mailbox"}
		w.want(w.a, by(bob), w.ids(0, 5000), 1000)
	})
}

// A hundred free accounts of one homeserver, each from elsewhere, find out about no more of
// a block of 100,000 consecutive numbers than their homeserver's budget; with as many
// homeservers below one domain it is twice that.
func TestABlockOfNumbersCannotBeEnumerated(t *testing.T) {
	for _, below := range []string{"hs.example", "hs%d.evil.example"} {
		each(t, func(w *world) {
			told, want := 0, 5000
			for n := range 100 {
				server := below
				if strings.Contains(below, "%d") {
					server, want = fmt.Sprintf(below, n), 10_000
				}
				user := matrix.UserID(fmt.Sprintf("@u%d:%s", n, server))
				for first := n * 1000; first < (n+1)*1000; first += 250 {
					got, _, _ := w.ask(w.a, by(user), w.ids(first, first+250))
					told += got
				}
			}
			if told > want+want/1000 || told < want-100 { // the filters know a few that were not asked for
				w.Errorf("accounts of %s were told about %d numbers, want %d", below, told, want)
			}
		})
	}
}

// The same from one machine with accounts of many servers: its network bounds it.
func TestANetworkIsBounded(t *testing.T) {
	each(t, func(w *world) {
		told := 0
		for n := range 40 {
			user := matrix.UserID(fmt.Sprintf("@u:hs%d.example", n))
			w.earned[user] = discovery.Earned{Mailbox: fmt.Sprint("mailbox ", n), Domain: fmt.Sprintf("d%d.example", n)}
			asker := by(user)
			asker.Client = netip.MustParseAddr("2001:db8:1:2::1")
			got, _, _ := w.ask(w.a, asker, w.ids(n*500, n*500+500))
			told += got
		}
		if told != 6000 {
			w.Errorf("told about %d, want 6000", told)
		}
	})
}

// A new pepper makes everybody ask anew, which costs the account nothing that it had paid
// for; its homeserver answers for it all the same.
func TestANewEpochIsGranted(t *testing.T) {
	each(t, func(w *world) {
		w.want(w.a, by(alice), w.ids(0, 280), 280)
		w.epoch++
		w.want(w.a, by(alice), w.ids(0, 280), 280)
		w.want(w.a, by(alice), w.ids(280, 300), 20)
		w.refused(w.a, by(alice), w.ids(300, 304))
		if err := w.a.Sweep(w.Context(), w.epoch); err != nil {
			w.Fatal(err)
		}
		w.want(w.b, by(alice), w.ids(0, 300), 300)
		w.epoch += 2
		if err := w.a.Sweep(w.Context(), w.epoch); err != nil {
			w.Fatal(err)
		}
		if got := strings.Count(storetest.Dump(w.T, w.db, "discovery_memory"), "epoch"); got != 0 {
			w.Errorf("%d books are left", got)
		}
		w.refused(w.a, by(alice), w.ids(0, 4)) // who stayed away has no grant
	})
}

// A homeserver asks for itself within its own budget, and the operator's within none of it.
func TestHomeserversAskForThemselves(t *testing.T) {
	each(t, func(w *world) {
		w.want(w.a, discovery.Asker{Homeserver: "hs.example"}, w.ids(0, 6000), 5000)
		w.want(w.a, discovery.Asker{Homeserver: "own.example"}, w.ids(0, 6000), 6000)
	})
}

// Many requests of one account at the same time, at two replicas, are charged for each
// address once: all that it may ask for is told, and no more.
func TestRequestsAtTheSameMomentAreChargedOnce(t *testing.T) {
	each(t, func(w *world) {
		var wg sync.WaitGroup
		for n := range 16 {
			d := []*discovery.Discovery{w.a, w.b}[n%2]
			wg.Go(func() {
				_, err := d.Ask(context.Background(), discovery.Question{Asker: by(alice), Epoch: w.epoch, IDs: w.ids(n/4*50, n/4*50+50)})
				if err != nil {
					w.Error(err)
				}
			})
		}
		wg.Wait()
		w.want(w.a, by(alice), w.ids(0, 500), 300)
	})
}

// What is remembered cannot be read: neither whom it is of nor what was asked for.
func TestTheMemoryCannotBeRead(t *testing.T) {
	each(t, func(w *world) {
		ids := w.ids(0, 5)
		w.want(w.a, by(alice), ids, 5)
		dump := storetest.Dump(w.T, w.db, "discovery_memory", "quota_buckets")
		for _, secret := range []string{"alice", "example.org", string(ids[0][:]), string(ids[0][:6])} {
			if dump == "" || strings.Contains(dump, secret) {
				w.Errorf("%q is in the dump", secret)
			}
		}
	})
}

// A refusal writes nothing.
func TestARefusalWritesNothing(t *testing.T) {
	each(t, func(w *world) {
		w.want(w.a, by(alice), w.ids(0, 300), 300)
		before := storetest.Dump(w.T, w.db, "discovery_memory", "quota_buckets")
		w.refused(w.b, by(alice), w.ids(300, 309))
		w.refused(w.b, by(alice), w.ids(300, 400))
		if after := storetest.Dump(w.T, w.db, "discovery_memory"); !strings.Contains(before, after) {
			w.Errorf("written was\n%s", after)
		}
	})
}

// A user is told how much they have asked for, and has it forgotten.
func TestAUsersMemoryIsErased(t *testing.T) {
	each(t, func(w *world) {
		w.want(w.a, by(alice), w.ids(0, 20), 20)
		w.want(w.a, by(bob), w.ids(0, 7), 7)
		if held, err := w.a.HeldBy(w.Context(), alice); err != nil || held != (discovery.Held{Addresses: 20}) {
			w.Errorf("HeldBy = %+v, %v", held, err)
		}
		if err := w.db.Tx(w.Context(), func(tx *store.Tx) error { return w.a.EraseUser(w.Context(), tx, alice) }); err != nil {
			w.Fatal(err)
		}
		for user, want := range map[matrix.UserID]int{alice: 0, bob: 7} {
			if held, err := w.a.HeldBy(w.Context(), user); err != nil || held != (discovery.Held{Addresses: want}) {
				w.Errorf("HeldBy(%s) = %+v, %v, want %d", user, held, err, want)
			}
		}
		w.want(w.a, by(alice), w.ids(0, 20), 20)
		if held, err := w.a.HeldBy(w.Context(), alice); err != nil || held != (discovery.Held{Addresses: 20}) {
			w.Errorf("after asking again HeldBy = %+v, %v, want them counted anew", held, err)
		}
	})
}

// A replica that still has a copy of what was erased does not write it back, also where as
// much was asked for since.
func TestWhatIsErasedDoesNotComeBack(t *testing.T) {
	each(t, func(w *world) {
		w.want(w.b, by(alice), w.ids(0, 20), 20)
		if err := w.db.Tx(w.Context(), func(tx *store.Tx) error { return w.a.EraseUser(w.Context(), tx, alice) }); err != nil {
			w.Fatal(err)
		}
		w.want(w.a, by(alice), w.ids(100, 105), 5)
		w.want(w.b, by(alice), w.ids(200, 203), 3)
		if held, err := w.b.HeldBy(w.Context(), alice); err != nil || held != (discovery.Held{Addresses: 8}) {
			w.Errorf("HeldBy = %+v, %v, want the 8 that were asked for since", held, err)
		}
	})
}

// A sweep leaves nothing in memory of what another replica has erased.
func TestASweepForgetsCopies(t *testing.T) {
	each(t, func(w *world) {
		w.want(w.b, by(alice), w.ids(0, 20), 20)
		if err := w.db.Tx(w.Context(), func(tx *store.Tx) error { return w.a.EraseUser(w.Context(), tx, alice) }); err != nil {
			w.Fatal(err)
		}
		if err := w.b.Sweep(w.Context(), w.epoch); err != nil {
			w.Fatal(err)
		}
		w.want(w.b, by(alice), w.ids(0, 20), 20)
		if held, err := w.b.HeldBy(w.Context(), alice); err != nil || held != (discovery.Held{Addresses: 20}) {
			w.Errorf("HeldBy = %+v, %v, want them asked for anew", held, err)
		}
	})
}
