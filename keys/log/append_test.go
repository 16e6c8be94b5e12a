package log_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/keys/log"
)

// A log begins with CONFIG and EPOCH, grows by batches of any size, and what was appended
// by one process is replayed by the next.
func TestALogGrowsAndIsReplayed(t *testing.T) {
	each(t, func(w *world) {
		if _, err := w.log.Checkpoint(w.Context()); !errors.Is(err, log.ErrNotFound) {
			t.Errorf("Checkpoint of a log that has not begun = %v", err)
		}
		if n := w.seal(); n != 2 {
			t.Errorf("the first pass appended %d entries, want CONFIG and EPOCH", n)
		}
		w.check()
		for _, n := range []int{1, 253, 1, 255, 256, 257, 3, 700} {
			w.pend(n)
			if sealed := w.seal(); sealed != int64(n)+1 {
				t.Errorf("%d entries were pending and %d appended", n, sealed)
			}
			w.check()
			if rand.N(2) == 0 {
				w.clock.Advance(time.Minute) // longer than the lease
				w.log = w.open()
			}
		}
	})
}

// What waits in more entries than the limit is appended in their order, batch after batch.
func TestBatchesAreBounded(t *testing.T) {
	each(t, func(w *world) {
		o := w.options()
		o.Limit = 10
		w.log = w.openWith(o)
		w.pend(25)
		for _, want := range []int64{12, 11, 6, 0} {
			if n := w.seal(); n != want {
				t.Errorf("a pass appended %d entries, want %d", n, want)
			}
		}
		w.check()
	})
}

// At each size from 1 to 600 each tile and bundle is what x/mod computes from scratch, and
// each width that one ever had is served from then on.
func TestTilesOfEveryWidth(t *testing.T) {
	const last = 600
	each(t, func(w *world) {
		o := w.options()
		o.Guard, w.ownGuards = &memoryGuard{}, true // or else the disk's syncs take most of the time
		w.log = w.openWith(o)
		w.seal()
		for size := int64(3); size <= last; size++ {
			w.clock.Advance(time.Hour) // a heartbeat is one entry
			if n := w.seal(); n != 1 {
				t.Fatalf("a heartbeat appended %d entries", n)
			}
		}
		entries := w.entries()
		m := w.recompute(entries)
		for size := int64(1); size <= last; size++ {
			for _, tile := range tlog.NewTiles(8, size-1, size) {
				w.checkTile(tile, m)
				if tile.L == 0 {
					tile.L = -1
					w.checkBundle(tile, entries)
				}
			}
		}
		w.check()
	})
}

// The edge of each size is the one that a new process reads.
func TestEachSizeIsContinuedByAnotherProcess(t *testing.T) {
	each(t, func(w *world) {
		w.seal()
		for range 20 {
			w.pend(rand.N(60))
			w.clock.Advance(time.Hour)
			w.log = w.open()
			w.seal()
		}
		w.check()
	})
}

// Two logs of one database know nothing of each other.
func TestTwoLogsInOneDatabase(t *testing.T) {
	each(t, func(w *world) {
		w.pend(300)
		w.seal()
		before := w.checkpoint()

		servers := &world{TB: w.TB, db: w.db, name: "servers", origin: "id.example.org/servers", clock: w.clock, at: map[string]func(){}}
		servers.guard = log.NewFileGuard(t.TempDir()+"/servers", servers.origin)
		servers.signer, servers.verifier = newSigner(t, servers.origin)
		servers.log = servers.open()
		if n := servers.seal(); n != 2 {
			t.Errorf("the other log began with %d entries, want 2", n)
		}
		if got := w.checkpoint(); got.Tree != before.Tree || !bytes.Equal(got.Note, before.Note) {
			t.Error("a log changed with another")
		}
		w.check()
	})
}

// An idle log publishes nothing new until its newest EPOCH is half an hour old.
func TestAnIdleLogBeats(t *testing.T) {
	each(t, func(w *world) {
		w.seal()
		first := w.checkpoint()
		w.clock.Advance(30*time.Minute - time.Millisecond)
		if n := w.seal(); n != 0 || w.checkpoint().N != first.N {
			t.Errorf("an idle log appended %d entries early", n)
		}
		w.clock.Advance(time.Millisecond)
		if n := w.seal(); n != 1 || w.checkpoint().N != first.N+1 {
			t.Errorf("a heartbeat appended %d entries, want 1", n)
		}
		w.check()
	})
}

// If the clock is put back, EPOCHs repeat the last time until it has caught up.
func TestTimeNeverGoesBackwards(t *testing.T) {
	each(t, func(w *world) {
		w.seal()
		start := w.clock.Now()
		w.clock.Advance(-time.Hour)
		for range 3 {
			w.pend(1)
			w.seal()
			if at := w.lastEpoch().Time; !at.Equal(start) {
				t.Errorf("an EPOCH has the time %s after %s", at, start)
			}
		}
		w.clock.Advance(2 * time.Hour)
		w.seal()
		if at := w.lastEpoch().Time; !at.Equal(start.Add(time.Hour)) {
			t.Errorf("an EPOCH has the time %s when it is %s", at, start.Add(time.Hour))
		}
		w.check()
	})
}

func (w *world) lastEpoch() log.Epoch {
	w.Helper()
	entries := w.entries()
	epoch, err := format{func(string) {}}.Epoch(entries[len(entries)-1])
	if err != nil {
		w.Fatal(err)
	}
	return epoch
}

// What cannot be logged stops the batch, and nothing of it is written.
func TestABatchIsAllOrNothing(t *testing.T) {
	for name, spoil := range map[string]func(w *world) error{
		"an entry longer than a bundle can say": func(w *world) error {
			_, err := w.db.Exec(w.Context(), `INSERT INTO pending (id, entry, position) VALUES (1000, $1, -1)`, make([]byte, log.MaxEntry+1))
			return err
		},
		"an index twice": func(w *world) error {
			_, err := w.db.Exec(w.Context(), `INSERT INTO pending (id, entry, position) SELECT 1000, entry, -1 FROM pending WHERE id = 0`)
			return err
		},
		"an EPOCH of another position": func(w *world) error {
			w.ledger.lie = func(epoch []byte) []byte { epoch[21]++; return epoch }
			return nil
		},
		"an EPOCH of another time": func(w *world) error {
			w.ledger.lie = func(epoch []byte) []byte { epoch[13]++; return epoch }
			return nil
		},
		"no EPOCH": func(w *world) error {
			w.ledger.lie = func(epoch []byte) []byte { return epoch[1:] }
			return nil
		},
		"a source that cannot mark": func(w *world) error {
			w.cannotMark = errCrash
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, []string{"log"}, func(t *testing.T, db *store.DB) {
				w := newWorld(t, db)
				w.pend(1)
				w.seal()
				w.pend(3)
				before := storetest.Dump(t, w.db, "log_heads", "log_tiles", "log_checkpoints")
				if err := spoil(w); err != nil {
					t.Fatal(err)
				}
				if n, err := w.log.Seal(t.Context()); err == nil || n != 0 {
					t.Errorf("Seal = %d, %v; want an error", n, err)
				}
				if after := storetest.Dump(t, w.db, "log_heads", "log_tiles", "log_checkpoints"); after != before {
					t.Errorf("a batch was refused and the tables changed from\n%s\nto\n%s", before, after)
				}
			})
		})
	}
}
