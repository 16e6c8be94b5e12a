package keeper_test

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/keys/logkeys"
)

// rotateValues has another key sign values, and returns it.
func (w *world) rotateValues() matrix.KeyID {
	w.Helper()
	k, err := w.values.Rotate(w.Context())
	w.must(err)
	return k.ID
}

// wantValues holds the keys for values that each CONFIG names against what is wanted.
func (w *world) wantValues(want ...[]matrix.KeyID) {
	w.Helper()
	w.must(w.log.Follow(w.Context()))
	var got [][]matrix.KeyID
	for _, c := range w.state.Configs() {
		got = append(got, slices.Sorted(maps.Keys(c.ValueKeys())))
	}
	for _, ids := range want {
		slices.Sort(ids)
	}
	if !slices.EqualFunc(got, want, slices.Equal) {
		w.Errorf("the CONFIGs name %v for values, want %v", got, want)
	}
}

// A key for values is rotated: the log names it before it has anything that the key has signed, once,
// and goes on to do so when another of its keys changes.
func TestAKeyForValuesIsRotated(t *testing.T) {
	each(t, func(w *world) {
		a := w.sign()
		w.seal(w.replica)
		w.wantValues([]matrix.KeyID{a})
		b := w.rotateValues()
		w.sign()
		w.sign()
		if n := w.seal(w.replica); n != 4 {
			t.Errorf("%d entries were appended, want a CONFIG, two INSERTs and an EPOCH", n)
		}
		w.sign()
		w.seal(w.replica)
		w.wantValues([]matrix.KeyID{a}, []matrix.KeyID{b})
		w.rotate()
		w.seal(w.replica)
		w.wantValues([]matrix.KeyID{a}, []matrix.KeyID{b}, []matrix.KeyID{b})
		_, vkey := w.current()
		w.holds(w.auditor(vkey))
	})
}

// Keys for values are rotated often between two passes, or before the first: each may have signed
// what waits, and is named, but for one that was revoked.
func TestKeysForValuesAreRotatedOften(t *testing.T) {
	each(t, func(w *world) {
		a := w.sign()
		b := w.rotateValues()
		w.sign()
		w.seal(w.replica)
		w.wantValues([]matrix.KeyID{a, b})
		c := w.rotateValues()
		w.sign()
		never := w.rotateValues()
		_, err := w.values.Revoke(t.Context(), never, "stolen")
		w.must(err)
		d := w.sign()
		w.seal(w.replica)
		w.wantValues([]matrix.KeyID{a, b}, []matrix.KeyID{c, d})
		_, err = w.values.Revoke(t.Context(), d, "stolen")
		w.must(err)
		e := w.sign()
		w.seal(w.replica)
		w.wantValues([]matrix.KeyID{a, b}, []matrix.KeyID{c, d}, []matrix.KeyID{e})
		_, err = w.values.Revoke(t.Context(), c, "an older one")
		w.must(err)
		w.seal(w.replica)
		w.wantValues([]matrix.KeyID{a, b}, []matrix.KeyID{c, d}, []matrix.KeyID{e})
	})
}

// A log from before CONFIGs named keys for values gets one that does, by itself: with all that may
// have signed what it has, as far as there is room.
func TestAnOlderLogNamesKeysForValues(t *testing.T) {
	each(t, func(w *world) {
		w.replica = w.openWith(0, nil)
		w.seal(w.replica)
		ids := []matrix.KeyID{w.rotateValues(), w.rotateValues()}
		first, err := w.values.List(t.Context())
		w.must(err)
		w.replica = w.open(0)
		w.sign()
		w.seal(w.replica)
		w.seal(w.replica)
		w.wantValues(nil, append(ids, first[2].ID))
		w.replica = w.openWith(0, nil) // an older replica
		w.rotate()
		w.seal(w.replica)
		w.replica = w.open(0)
		for range logkeys.MaxValueKeys {
			ids = append(ids, w.rotateValues())
		}
		w.seal(w.replica)
		if got := w.newest().ValueKeys(); len(got) != logkeys.MaxValueKeys || got[ids[2]] == nil || got[ids[1]] != nil {
			t.Errorf("%d keys are named", len(got))
		}
	})
}

// A process ends when what a new key has signed is committed and not signed: whoever comes next
// signs it as it is, with the CONFIG before it.
func TestAProcessEndsBeforeANewKeyIsVouchedFor(t *testing.T) {
	each(t, func(w *world) {
		a := w.sign()
		w.seal(w.replica)
		size := w.look(w.replica).N
		b := w.rotateValues()
		w.sign()
		w.replica = w.open(0)
		w.guard.err = errGuard
		w.clock.Advance(time.Minute)
		if _, err := w.log.Seal(t.Context()); !errors.Is(err, errGuard) {
			t.Fatalf("Seal = %v", err)
		}
		if n := w.look(w.replica).N; n != size {
			t.Errorf("%d entries are shown, and %d were signed", n, size)
		}
		c := w.rotateValues()
		w.replica = w.open(0)
		w.sign()
		w.seal(w.replica)
		w.wantValues([]matrix.KeyID{a}, []matrix.KeyID{b}, []matrix.KeyID{c})
	})
}
