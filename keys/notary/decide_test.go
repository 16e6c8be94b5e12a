package notary_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/internal/serverkeys/serverkeystest"
	"signet/internal/store/storetest"
	"signet/keys/notary"
)

var notaryTables = []string{"notary_records", "notary_servers", "notary_objects", "notary_keys", "notary_conflicts"}

func (w *world) conflicts() []notary.Conflict {
	w.Helper()
	all, err := notary.Conflicts(w.Context(), w.db)
	w.must(err)
	return all
}

// serves tells whether the newest document of the server has the key under its id.
func (w *world) serves(k matrix.SigningKey) bool {
	w.Helper()
	all := w.ask(them, all)
	return len(all) > 0 && all[len(all)-1].Verify[k.ID].Equal(k.Public())
}

// A server was set up anew, and gives an old id to a new key. Its operator says so, and ours
// decides for it, on the record; what was known before is then what is refused.
func TestAnOperatorDecidesAConflict(t *testing.T) {
	each(t, func(w *world) {
		anew := serverkeystest.Key(k1.ID, "set up anew")
		before := w.doc(them, 30*day, k1, k2).JSON(w)
		w.says(them, 200, before)
		w.want("before", them, all, "k1+k2")
		w.clock.Advance(4 * day)
		w.publishes(them, 2*day, anew)
		if !w.serves(k1) {
			t.Error("a key id has other octets because a server says so")
		}
		open := w.conflicts()
		if len(open) != 1 || open[0].Server != them || open[0].KeyID != k1.ID || !open[0].Known.Equal(k1.Public()) || !open[0].Refused.Equal(anew.Public()) ||
			!open[0].Seen.Equal(w.clock.Now()) || open[0].Position != 0 {
			t.Fatalf("conflicts: %+v", open)
		}

		good := notary.Decision{Server: them, KeyID: k1.ID, Key: anew.Public(), Reason: "its operator called"}
		state := storetest.Dump(t, w.db, notaryTables...)
		for name, c := range map[string]struct {
			change func(d *notary.Decision)
			want   error
		}{
			"another server": {func(d *notary.Decision) { d.Server = "other.example" }, notary.ErrNoConflict},
			"another id":     {func(d *notary.Decision) { d.KeyID = k2.ID }, notary.ErrNoConflict},
			"another key":    {func(d *notary.Decision) { d.Key = k3.Public() }, notary.ErrNoConflict},
			"the known key":  {func(d *notary.Decision) { d.Key = k1.Public() }, notary.ErrNoConflict},
			"no key":         {func(d *notary.Decision) { d.Key = nil }, notary.ErrNoConflict},
			"no reason":      {func(d *notary.Decision) { d.Reason = " " }, notary.ErrReason},
			"a long reason":  {func(d *notary.Decision) { d.Reason = strings.Repeat("a", 501) }, notary.ErrReason},
			"another line":   {func(d *notary.Decision) { d.Reason = "a\nb" }, notary.ErrReason},
		} {
			d := good
			c.change(&d)
			if err := notary.Accept(w.Context(), w.db, d, w.clock.Now()); !errors.Is(err, c.want) {
				t.Errorf("Accept for %s = %v, want %v", name, err, c.want)
			}
		}
		if storetest.Dump(t, w.db, notaryTables...) != state {
			t.Error("a decision was refused and something changed")
		}

		w.clock.Advance(day)
		w.falls(them) // it need not be there
		w.must(notary.Accept(w.Context(), w.db, good, w.clock.Now()))
		w.restart()
		if !w.serves(anew) || len(w.conflicts()) != 0 {
			t.Errorf("after the decision %+v is open", w.conflicts())
		}
		w.want("after the decision", them, all, "k1")
		got := w.pending()
		said := map[string]record{}
		for _, r := range got {
			said[r.Type] = r
		}
		decided := said["im.signet.keys.server_keys_decision.v1"]
		if len(got) != 4 || decided.ServerName != them || decided.KeyID != k1.ID || decided.Was != matrix.EncodeBase64(k1.Public()) ||
			decided.Is != matrix.EncodeBase64(anew.Public()) || decided.Reason != good.Reason || decided.SHA256 != said["im.signet.keys.server_keys.v1"].SHA256 {
			t.Errorf("records: %+v", got)
		}
		if err := notary.Accept(w.Context(), w.db, good, w.clock.Now()); !errors.Is(err, notary.ErrNoConflict) {
			t.Errorf("Accept again = %v", err)
		}

		w.clock.Advance(2 * time.Hour)
		w.says(them, 200, before)
		w.clock.Advance(day)
		if !w.serves(anew) {
			t.Error("a replay has undone the decision")
		}
		if open := w.conflicts(); len(open) != 1 || !open[0].Known.Equal(anew.Public()) || !open[0].Refused.Equal(k1.Public()) {
			t.Errorf("conflicts: %+v", open)
		}
		w.publishes(them, day, anew, k3)
		w.clock.Advance(time.Hour)
		w.want("the server goes on from there", them, all, "k1+k3")

		l := w.logged(func() {})
		w.sequence(l)
		l.published = int64(len(l.entries))
		told := slices.ContainsFunc(w.past(them, 0).Records, func(r notary.Record) bool {
			return string(r.Record) == string(decided.raw)
		})
		if !told {
			t.Error("who asks for the past of a server is not told of the decision")
		}
	})
}

// Who waits for new keys of a server sees until when they are held.
func TestWhatIsHeldIsListed(t *testing.T) {
	each(t, func(w *world) {
		w.publishes(them, day, k1)
		w.want("before", them, all, "k1")
		w.clock.Advance(day / 2)
		w.publishes(them, day, k2)
		w.want("held", them, all, "k1")
		held, err := notary.AllHeld(w.Context(), w.db)
		if err != nil || len(held) != 1 || held[0].Server != them || !held[0].Due.Equal(w.clock.Now().Add(notary.DefaultHoldDown.Valid)) {
			t.Errorf("held: %+v, %v", held, err)
		}
	})
}
