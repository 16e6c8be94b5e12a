package log_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/store/storetest"
	"signet/keys/log"
)

var tables = []string{"log_heads", "log_tiles", "log_checkpoints", "pending"}

// backup copies the tables of the log.
func (w *world) backup() {
	w.Helper()
	for _, table := range tables {
		w.exec(`CREATE TABLE old_` + table + ` AS SELECT * FROM ` + table)
	}
}

// restore makes the tables what they were, but for the ids of pending entries.
func (w *world) restore() {
	w.Helper()
	for _, table := range tables {
		w.exec(`DELETE FROM ` + table)
		w.exec(`INSERT INTO ` + table + ` SELECT * FROM old_` + table)
	}
}

func (w *world) exec(statement string) {
	w.Helper()
	if _, err := w.db.Exec(w.Context(), statement); err != nil {
		w.Fatal(err)
	}
}

// wantRefused asks for everything, of this process and of the next, and for nothing to be
// written.
func (w *world) wantRefused() {
	w.Helper()
	before := storetest.Dump(w, w.db, tables...)
	for _, l := range []*log.Log{w.log, w.open()} {
		w.pend(0)
		if n, err := l.Seal(w.Context()); n != 0 || !errors.Is(err, log.ErrRolledBack) {
			w.Errorf("Seal = %d, %v; want %v", n, err, log.ErrRolledBack)
		}
		if s, err := l.Status(w.Context()); err != nil || !errors.Is(s.Err, log.ErrRolledBack) {
			w.Errorf("Status = %+v, %v", s, err)
		}
		if _, err := l.Checkpoint(w.Context()); !errors.Is(err, log.ErrRolledBack) {
			w.Errorf("Checkpoint = %v", err)
		}
		if _, err := l.Tile(w.Context(), tlog.Tile{H: 8, W: 1}); !errors.Is(err, log.ErrRolledBack) {
			w.Errorf("Tile = %v", err)
		}
		if _, err := l.Await(w.Context(), 1); !errors.Is(err, log.ErrRolledBack) {
			w.Errorf("Await = %v", err)
		}
	}
	if after := storetest.Dump(w, w.db, tables...); after != before {
		w.Errorf("the log refuses and the tables changed from\n%s\nto\n%s", before, after)
	}
}

// An older copy of the database is not signed, whether the process that signed the newer one
// still runs or another starts, until the operator removes what the guard remembers.
func TestARestoredDatabaseIsRefused(t *testing.T) {
	each(t, func(w *world) {
		w.pend(3)
		w.seal()
		w.backup()
		w.pend(3)
		w.seal()
		w.restore()
		w.clock.Advance(time.Hour)
		w.wantRefused()

		if err := os.Remove(w.guardFile); err != nil {
			t.Fatal(err)
		}
		w.log = w.open()
		w.seal()
		if n := w.checkpoint().N; n != 6 {
			t.Errorf("%d entries after a decision, want 6", n)
		}
	})
}

// A restored database that another process, which knew nothing, has signed anew up to the same
// size or further is refused too: what was signed is no part of it.
func TestAFork(t *testing.T) {
	for name, more := range map[string]int{"to the same size": 3, "further": 40, "over the end of a tile": 400} {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *world) {
				w.pend(3)
				w.seal()
				w.backup()
				w.pend(3)
				w.seal()
				w.restore()
				w.clock.Advance(time.Hour)
				w.pend(more)
				o := w.options()
				w.ownGuards = true
				o.Guard = log.NewFileGuard(filepath.Join(t.TempDir(), "lost"), w.origin)
				if _, err := w.openWith(o).Seal(t.Context()); err != nil {
					t.Fatal(err)
				}
				w.clock.Advance(time.Hour)
				w.wantRefused()
			})
		})
	}
}

// A replica that only ever stood by has remembered what it showed.
func TestAReplicaThatStoodByRefusesToo(t *testing.T) {
	storetest.EachLaidOut(t, []string{"log"}, func(t *testing.T, url string) {
		w := newWorld(t, storetest.Open(t, url, nil))
		other, guard := w.process(url)
		w.pend(3)
		w.seal()
		w.backup()
		w.pend(3)
		w.seal()
		if n, err := other.Seal(t.Context()); n != 0 || err != nil {
			t.Fatalf("standing by = %d, %v", n, err)
		}
		if got, err := guard.Highest(t.Context()); err != nil || got != w.checkpoint().Tree {
			t.Errorf("its guard knows of %v, %v; want %v", got, err, w.checkpoint().Tree)
		}
		w.restore()
		w.clock.Advance(time.Hour)
		if n, err := other.Seal(t.Context()); n != 0 || !errors.Is(err, log.ErrRolledBack) {
			t.Errorf("Seal = %d, %v; want %v", n, err, log.ErrRolledBack)
		}
	})
}

// Somebody writes to the tables behind the log's back. It is not signed, and is not begun to
// be.
func TestATamperedLogIsNotSigned(t *testing.T) {
	for name, tamper := range map[string]string{
		"the newest entry":    `UPDATE log_tiles SET data = (SELECT data FROM log_tiles WHERE level = -1 AND n = 0 AND log = 'decoy') WHERE log = 'users' AND level = -1`,
		"the hashes":          `UPDATE log_tiles SET data = (SELECT data FROM log_tiles WHERE level = 0 AND n = 0 AND log = 'decoy') WHERE log = 'users' AND level = 0`,
		"the time":            `UPDATE log_heads SET time_ms = time_ms + 1 WHERE log = 'users'`,
		"the size":            `UPDATE log_heads SET size = size - 1 WHERE log = 'users'`,
		"the root":            `UPDATE log_heads SET root_hash = (SELECT root_hash FROM log_heads WHERE log = 'decoy') WHERE log = 'users'`,
		"a tile is gone":      `DELETE FROM log_tiles WHERE log = 'users' AND level = 0`,
		"a bundle is gone":    `DELETE FROM log_tiles WHERE log = 'users' AND level = -1`,
		"a tile is narrower":  `UPDATE log_tiles SET width = width - 1 WHERE log = 'users' AND level = 0`,
		"a bundle is no such": `UPDATE log_tiles SET data = log_heads.root_hash FROM log_heads WHERE log_heads.log = 'users' AND log_tiles.log = 'users' AND level = -1`,
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *world) {
				w.decoy()
				w.pend(3)
				w.crash("guard") // committed, and not signed
				w.exec(tamper)
				signed := len(w.signer.signed)
				for range 2 {
					w.clock.Advance(time.Hour)
					w.log = w.open()
					if n, err := w.log.Seal(t.Context()); n != 0 || err == nil {
						t.Errorf("Seal = %d, %v", n, err)
					}
				}
				if len(w.signer.signed) != signed {
					t.Error("it was signed")
				}
				if _, err := w.log.Checkpoint(t.Context()); !errors.Is(err, log.ErrNotFound) {
					t.Errorf("Checkpoint = %v", err)
				}
			})
		})
	}
}

// A map that did not take in what was appended vouches for nothing.
func TestAForgetfulMap(t *testing.T) {
	each(t, func(w *world) {
		o := w.options()
		o.Map = forgetful{w.ledger}
		w.log = w.openWith(o)
		w.wantUnsigned()
	})
}

// forgetful does not take in what it has sealed.
type forgetful struct{ *fakeMap }

func (m forgetful) Seal(entries [][]byte, at time.Time) ([]byte, func(), error) {
	epoch, _, err := m.fakeMap.Seal(entries, at)
	return epoch, func() {}, err
}

// I4: the time of the last EPOCH was changed in the head, so that the next is earlier.
func TestATimeThatDecreases(t *testing.T) {
	each(t, func(w *world) {
		w.seal()
		w.exec(`UPDATE log_heads SET time_ms = 5`)
		w.ledger.ms = 0 // a map that does not see to it
		w.clock.Advance(-time.Second)
		w.wantUnsigned()
	})
}

// I5: the log begins with another log's CONFIG.
func TestALogThatBeginsOtherwise(t *testing.T) {
	each(t, func(w *world) {
		o := w.options()
		o.Keys, o.Format = &keys{"CONFIG of another", []note.Signer{w.signer}}, anyConfig{format{w.step}}
		w.log = w.openWith(o)
		w.crash("guard")
		w.clock.Advance(time.Minute)
		w.log = w.open()
		w.wantUnsigned()
	})
}

type anyConfig struct{ format }

func (anyConfig) Config([]byte, string) error { return nil }

// wantUnsigned does a pass that must not sign anything.
func (w *world) wantUnsigned() {
	w.Helper()
	w.pend(1)
	signed := len(w.signer.signed)
	if _, err := w.log.Seal(w.Context()); !errors.Is(err, log.ErrInvariant) {
		w.Errorf("Seal = %v, want %v", err, log.ErrInvariant)
	}
	if len(w.signer.signed) != signed {
		w.Error("it was signed")
	}
}

// decoy makes another log of as many entries, at the same time.
func (w *world) decoy() {
	w.Helper()
	other := &world{TB: w.TB, db: w.db, name: "decoy", origin: w.origin, clock: w.clock, at: map[string]func(){}, guard: log.NewFileGuard(w.TempDir()+"/decoy", w.origin)}
	other.signer, _ = newSigner(w, w.origin)
	other.log = other.open()
	w.exec(`INSERT INTO pending (id, entry, position) VALUES (-1, 'x', -1), (-2, 'y', -1), (-3, 'z', -1)`)
	other.seal()
	w.exec(`DELETE FROM pending`)
}
