package log_test

import (
	"bytes"
	"context"
	"strings"
	"time"

	tformat "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"signet/keys/log"
)

// memory is a tree that x/mod makes from the entries, from scratch.
type memory struct{ hashes []tlog.Hash }

func (m *memory) ReadHashes(indexes []int64) (hashes []tlog.Hash, err error) {
	for _, i := range indexes {
		hashes = append(hashes, m.hashes[i])
	}
	return hashes, nil
}

func (w *world) recompute(entries [][]byte) *memory {
	w.Helper()
	m := &memory{}
	for i, e := range entries {
		hashes, err := tlog.StoredHashes(int64(i), e, m)
		if err != nil {
			w.Fatal(err)
		}
		m.hashes = append(m.hashes, hashes...)
	}
	return m
}

// check reads everything again and states what must be true of a log at rest.
func (w *world) check() {
	w.Helper()
	c, entries := w.checkpoint(), w.entries()
	if int64(len(entries)) != c.N {
		w.Fatalf("%d entries under a checkpoint of %d", len(entries), c.N)
	}
	m := w.recompute(entries)
	if root, err := tlog.TreeHash(c.N, m); err != nil || root != c.Hash {
		w.Errorf("the checkpoint of %d entries has another root than its entries: %v", c.N, err)
	}
	w.checkNote(c)
	w.checkPending(entries)
	w.checkEntries(entries)
	w.checkTiles(entries, m)
	var notes int
	if err := w.db.QueryRow(w.Context(), `SELECT COUNT(*) FROM log_checkpoints WHERE log = $1`, w.name).Scan(&notes); err != nil || notes != 1 {
		w.Errorf("%d notes are kept, %v", notes, err)
	}
	if len(w.signer.forks) > 0 {
		w.Errorf("two notes of one size: %q", w.signer.forks)
	}
}

// checkBeforeSigning: what is signed was committed, and the guard knows of it.
func (w *world) checkBeforeSigning(c tformat.Checkpoint) {
	var committed uint64
	if err := w.db.QueryRow(context.Background(), `SELECT size FROM log_heads WHERE log = $1`, w.name).Scan(&committed); err != nil || committed < c.Size {
		w.Errorf("%d entries are signed, %d committed, %v", c.Size, committed, err)
	}
	if w.ownGuards {
		return
	}
	if t, err := w.guard.Highest(context.Background()); err != nil || uint64(t.N) < c.Size {
		w.Errorf("%d entries are signed and the guard knows of %d, %v", c.Size, t.N, err)
	}
}

func (w *world) checkNote(c log.Checkpoint) {
	w.Helper()
	n, err := note.Open(c.Note, note.VerifierList(w.verifier))
	if err != nil {
		w.Fatal(err)
	}
	var parsed tformat.Checkpoint
	rest, err := parsed.Unmarshal([]byte(n.Text))
	if err != nil || len(rest) > 0 || parsed.Origin != w.origin || parsed.Size != uint64(c.N) || !bytes.Equal(parsed.Hash, c.Hash[:]) {
		w.Errorf("the note of %v says %+v, %v", c.Tree, parsed, err)
	}
}

// checkPending: whatever was pending is in the log once, where its row says.
func (w *world) checkPending(entries [][]byte) {
	w.Helper()
	rows, err := w.db.Query(w.Context(), `SELECT entry, position FROM pending`)
	if err != nil {
		w.Fatal(err)
	}
	defer rows.Close()
	logged := map[string]int64{}
	for rows.Next() {
		var entry []byte
		var position int64
		if err := rows.Scan(&entry, &position); err != nil {
			w.Fatal(err)
		}
		logged[string(entry)] = position
	}
	for i, e := range entries {
		if !strings.HasPrefix(string(e), "INSERT ") {
			continue
		}
		if position, pending := logged[string(e)]; !pending || position != int64(i) {
			w.Errorf("%q stands at %d and its row says %d, %v", e, i, position, pending)
		}
		delete(logged, string(e))
	}
	if len(logged) > 0 {
		w.Errorf("not in the log: %d entries", len(logged))
	}
}

// checkEntries holds I1, I3, I4 and I5.
func (w *world) checkEntries(entries [][]byte) {
	w.Helper()
	f := format{func(string) {}}
	if err := f.Config(entries[0], w.origin); err != nil {
		w.Errorf("I5: %q", entries[0])
	}
	if epoch, err := f.Epoch(entries[len(entries)-1]); err != nil || epoch.Position != int64(len(entries)-1) {
		w.Errorf("I1: %q", entries[len(entries)-1])
	}
	if err := newMap(func(string) {}).Follow(entries); err != nil {
		w.Errorf("replaying the log: %v", err)
	}
}

// checkTiles holds every tile and bundle of the checkpoint against x/mod's.
func (w *world) checkTiles(entries [][]byte, m *memory) {
	w.Helper()
	for _, t := range tlog.NewTiles(8, 0, int64(len(entries))) {
		w.checkTile(t, m)
		if t.L == 0 {
			t.L = -1
			w.checkBundle(t, entries)
		}
	}
}

func (w *world) checkTile(t tlog.Tile, m *memory) {
	w.Helper()
	want, err := tlog.ReadTileData(t, m)
	if err != nil {
		w.Fatal(err)
	}
	if got, err := w.log.Tile(w.Context(), t); err != nil || !bytes.Equal(got, want) {
		w.Errorf("%s is not as computed from scratch: %v", log.Path(t), err)
	}
}

func (w *world) checkBundle(t tlog.Tile, entries [][]byte) {
	w.Helper()
	var want []byte
	for _, e := range entries[t.N*256 : t.N*256+int64(t.W)] {
		want = append(append(want, byte(len(e)>>8), byte(len(e))), e...)
	}
	if got, err := w.log.Tile(w.Context(), t); err != nil || !bytes.Equal(got, want) {
		w.Errorf("%s is not what the entries make: %v", log.Path(t), err)
	}
}

// crash runs a pass that ends at a step as a killed process does. A step is a name, or
// "one after another".
func (w *world) crash(step string) {
	w.Helper()
	die := func() { panic(errCrash) }
	if last, first, two := strings.Cut(step, " after "); two {
		w.once(first, func() { w.once(last, die) })
	} else {
		w.once(step, die)
	}
	defer func() {
		if r := recover(); r != errCrash {
			w.Fatalf("at %q: recovered %v", step, r)
		}
	}()
	_, err := w.log.Seal(context.Background())
	w.Errorf("the pass did not reach %q: %v", step, err)
}

// leaseTime is how long after a crash another process may take over.
func (w *world) leaseTime() time.Duration { return 15 * time.Second }
