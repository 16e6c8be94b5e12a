package notary_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/keys/notary"
)

// past is what is told about a server before a position.
func (w *world) past(server matrix.ServerName, before int64) notary.Past {
	w.Helper()
	past, err := w.notary.Records(w.Context(), server, before, netip.Prefix{})
	w.must(err)
	return past
}

// The owner of a server, and everybody else, can see what the log has about it, page by page
// and each with its proof; not what no checkpoint covers yet. Nobody is asked for it.
func TestThePastOfAServer(t *testing.T) {
	each(t, func(w *world) {
		l := w.logged(func() {})
		publish := func() { w.sequence(l); l.published = int64(len(l.entries)) }
		const versions = 20
		for i := range versions {
			w.publishes(them, day+time.Duration(i), k1)
			w.ask(them, all)
			publish()
			w.clock.Advance(day)
		}
		w.publishes(them, 100*day, k1)
		w.ask(them, all)
		w.sequence(l) // and no checkpoint
		w.fetches(them)

		var positions []int64
		before := int64(0)
		for pages := 0; ; pages++ {
			past := w.past(them, before)
			for _, r := range past.Records {
				if string(r.Proof) != fmt.Sprintf(`{"index":%d}`, r.Position) || string(r.Record) != string(parseRecord(w, l.entries[r.Position]).raw) {
					w.Errorf("at %d: %s, proven by %s", r.Position, r.Record, r.Proof)
				}
				positions = append(positions, r.Position)
			}
			if before = past.Before; before == 0 {
				break
			}
			if pages > 5 {
				w.Fatal("there is no end of pages")
			}
		}
		if len(positions) != versions || positions[0] != versions || positions[versions-1] != 1 {
			w.Errorf("records at %v", positions)
		}
		if n := w.fetches(them); n != 0 {
			w.Errorf("the server was asked %d times", n)
		}
		if past := w.past("nobody.example", 0); len(past.Records) != 0 || past.Before != 0 || past.Blocked != nil {
			w.Errorf("of nobody: %+v", past)
		}
	})
}

// A block hides nothing of what was logged, and stands beside it.
func TestThePastOfABlockedServer(t *testing.T) {
	each(t, func(w *world) {
		l := w.logged(func() {})
		w.publishes(them, day, k1)
		w.ask(them, all)
		w.must(w.db.Tx(w.Context(), func(tx *store.Tx) error {
			return notary.RecordPolicy(w.Context(), tx, them, []notary.Rule{{Entity: them.String()}}, w.clock.Now())
		}))
		w.sequence(l)
		l.published = int64(len(l.entries))
		o := w.notary.Options
		o.Blocked = func(context.Context, matrix.ServerName) (matrix.ServerName, bool, error) { return them, true, nil }
		w.notary = notary.New(o)
		past := w.past(them, 0)
		if len(past.Records) != 2 || past.Blocked == nil || past.Blocked.Name != them || past.Blocked.Position == 0 {
			w.Errorf("%+v", past)
		}
	})
}
