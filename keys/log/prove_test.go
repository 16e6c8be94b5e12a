package log_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"

	"signet/keys/log"
)

// Proofs between any two sizes convince x/mod and transparency-dev/merkle, which share no
// code; a proof with any hash changed convinces neither.
func TestProofs(t *testing.T) {
	each(t, func(w *world) {
		w.pend(698)
		w.seal()
		entries := w.entries()
		if len(entries) != 700 {
			t.Fatalf("%d entries", len(entries))
		}
		m := w.recompute(entries)
		sizes := []int64{1, 2, 3, 255, 256, 257, 511, 512, 513, 699, 700}
		for range 20 {
			sizes = append(sizes, 1+rand.Int64N(700))
		}
		for _, size := range sizes {
			root, err := tlog.TreeHash(size, m)
			if err != nil {
				t.Fatal(err)
			}
			for _, position := range []int64{0, size - 1, rand.Int64N(size)} {
				w.checkInclusion(tlog.Tree{N: size, Hash: root}, position, entries[position])
			}
			older := 1 + rand.Int64N(size)
			olderRoot, err := tlog.TreeHash(older, m)
			if err != nil {
				t.Fatal(err)
			}
			w.checkConsistency(tlog.Tree{N: size, Hash: root}, tlog.Tree{N: older, Hash: olderRoot})
			w.checkConsistency(tlog.Tree{N: size, Hash: root}, tlog.Tree{N: size, Hash: root})
		}
		if p, err := w.log.ProveConsistency(t.Context(), 0, 700); err != nil || len(p) != 0 {
			t.Errorf("from an empty tree: %v, %v", p, err)
		}
	})
}

func (w *world) checkInclusion(tree tlog.Tree, position int64, entry []byte) {
	w.Helper()
	p, err := w.log.ProveRecord(w.Context(), tree.N, position)
	if err != nil {
		w.Fatalf("ProveRecord(%d, %d): %v", tree.N, position, err)
	}
	judge := func() (mod, merkle error) {
		mod = tlog.CheckRecord(p, tree.N, tree.Hash, position, tlog.RecordHash(entry))
		merkle = proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(position), uint64(tree.N), rfc6962.DefaultHasher.HashLeaf(entry), octets(p), tree.Hash[:])
		return mod, merkle
	}
	if a, b := judge(); a != nil || b != nil {
		w.Errorf("the proof of %d in %d: %v; %v", position, tree.N, a, b)
	}
	for i := range p {
		p[i][i%32] ^= 1
		if a, b := judge(); a == nil || b == nil {
			w.Errorf("the proof of %d in %d holds with hash %d changed", position, tree.N, i)
		}
		p[i][i%32] ^= 1
	}
}

func (w *world) checkConsistency(tree, older tlog.Tree) {
	w.Helper()
	p, err := w.log.ProveConsistency(w.Context(), older.N, tree.N)
	if err != nil {
		w.Fatalf("ProveConsistency(%d, %d): %v", older.N, tree.N, err)
	}
	judge := func() (mod, merkle error) {
		mod = tlog.CheckTree(p, tree.N, tree.Hash, older.N, older.Hash)
		merkle = proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(older.N), uint64(tree.N), octets(p), older.Hash[:], tree.Hash[:])
		return mod, merkle
	}
	if a, b := judge(); a != nil || b != nil {
		w.Errorf("the proof from %d to %d: %v; %v", older.N, tree.N, a, b)
	}
	for i := range p {
		p[i][i%32] ^= 1
		if a, b := judge(); a == nil || b == nil {
			w.Errorf("the proof from %d to %d holds with hash %d changed", older.N, tree.N, i)
		}
		p[i][i%32] ^= 1
	}
}

func octets(hashes []tlog.Hash) [][]byte {
	all := make([][]byte, len(hashes))
	for i := range hashes {
		all[i] = hashes[i][:]
	}
	return all
}

// What is committed and not signed yet is not shown in any way.
func TestNothingIsShownBeforeItIsSigned(t *testing.T) {
	each(t, func(w *world) {
		w.pend(254)
		w.crash("sign") // the first checkpoint ever
		w.wantNotFound(0)
		w.clock.Advance(w.leaseTime())
		w.log = w.open()
		w.seal()
		if n := w.checkpoint().N; n != 256 {
			t.Fatalf("%d entries", n)
		}
		w.pend(300)
		w.crash("guard")
		w.wantNotFound(256)
		w.clock.Advance(w.leaseTime())
		w.log = w.open()
		w.seal()
		w.check()
	})
}

// wantNotFound asks for what lies one beyond a size.
func (w *world) wantNotFound(size int64) {
	w.Helper()
	ctx := w.Context()
	calls := map[string]func() error{
		"Entries": func() error { _, err := w.log.Entries(ctx, size+1, 1); return err },
		"a hash": func() error {
			_, err := w.log.Tile(ctx, tlog.Tile{H: 8, L: 0, N: size / 256, W: int(size%256) + 1})
			return err
		},
		"an entry in a bundle": func() error {
			_, err := w.log.Tile(ctx, tlog.Tile{H: 8, L: -1, N: size / 256, W: int(size%256) + 1})
			return err
		},
		"a hash of level 1": func() error {
			_, err := w.log.Tile(ctx, tlog.Tile{H: 8, L: 1, N: 0, W: int(size/256) + 1})
			return err
		},
		"ProveRecord of a size":     func() error { _, err := w.log.ProveRecord(ctx, size+1, 0); return err },
		"ProveRecord of a position": func() error { _, err := w.log.ProveRecord(ctx, size, size); return err },
		"ProveConsistency":          func() error { _, err := w.log.ProveConsistency(ctx, 0, size+1); return err },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, log.ErrNotFound) {
			w.Errorf("%s beyond %d: %v, want %v", name, size, err, log.ErrNotFound)
		}
	}
}

// What no log has is not found either, however odd.
func TestOddQuestions(t *testing.T) {
	each(t, func(w *world) {
		w.pend(300)
		w.seal()
		ctx := t.Context()
		for _, tile := range []tlog.Tile{
			{}, {H: 8, W: 0}, {H: 7, W: 1}, {H: 8, W: 257}, {H: 8, L: -2, W: 1}, {H: 8, L: 64, W: 1}, {H: 8, N: -1, W: 1},
			{H: 8, L: 63, W: 256}, {H: 8, L: 6, N: 1 << 40, W: 256}, {H: 8, N: 1<<55 - 1, W: 256}, {H: 8, N: 1 << 55, W: 1}, {H: 8, L: -1, N: 1<<55 - 1, W: 256},
			{H: 8, L: 7, N: 0, W: 128}, {H: 8, L: 7, N: 0, W: 256},
		} {
			if _, err := w.log.Tile(ctx, tile); !errors.Is(err, log.ErrNotFound) {
				t.Errorf("Tile(%+v) = %v", tile, err)
			}
		}
		for _, call := range []func() error{
			func() error { _, err := w.log.Entries(ctx, -1, 1); return err },
			func() error { _, err := w.log.Entries(ctx, 0, -1); return err },
			func() error { _, err := w.log.ProveRecord(ctx, 0, 0); return err },
			func() error { _, err := w.log.ProveRecord(ctx, 5, -1); return err },
			func() error { _, err := w.log.ProveConsistency(ctx, -1, 5); return err },
			func() error { _, err := w.log.ProveConsistency(ctx, 6, 5); return err },
		} {
			if err := call(); !errors.Is(err, log.ErrNotFound) {
				t.Errorf("%v, want %v", err, log.ErrNotFound)
			}
		}
		if rest, err := w.log.Entries(ctx, w.checkpoint().N, 10); err != nil || len(rest) != 0 {
			t.Errorf("at the end: %q, %v", rest, err)
		}
		if some, err := w.log.Entries(ctx, 255, 2); err != nil || len(some) != 2 || string(some[0]) != "INSERT 254" || string(some[1]) != "INSERT 255" {
			t.Errorf("over the border of two bundles: %q, %v", some, err)
		}
	})
}
