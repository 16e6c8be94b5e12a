package keeper_test

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"signet/internal/keyring"
	"signet/keys/audit"
	"signet/keys/log"
	"signet/keys/log/keeper"
	"signet/keys/log/keeper/keepertest"
	"signet/keys/logkeys"
)

// A key is replaced. For thirty days both sign, so that whoever knows the old one alone goes on;
// auditors find from the old to the new, with and without a state, in time and long after.
func TestAKeyIsRotated(t *testing.T) {
	each(t, func(w *world) {
		w.seal(w.replica)
		_, a := w.current()
		state := filepath.Join(t.TempDir(), "state")
		follower, keeper := w.auditor(a), w.auditor(a)
		w.holds(follower)
		w.holds(keeper)
		w.must(keeper.Save(state))
		old, b := w.rotate()
		if w.opens(b) {
			t.Error("a key signs that no CONFIG names")
		}
		w.seal(w.replica)
		w.wantNamed([]string{a}, []string{b, a})
		for _, vkey := range []string{a, b} {
			if !w.opens(vkey) {
				t.Errorf("%s does not sign in the overlap", vkey)
			}
			w.holds(w.auditor(vkey))
		}
		w.holds(follower)

		w.clock.Advance(keyring.LogOverlap - time.Hour)
		w.seal(w.replica)
		if !w.opens(a) {
			t.Error("the old key does not sign to the end of the overlap")
		}
		w.clock.Advance(time.Hour)
		w.seal(w.replica)
		w.wantNamed([]string{a}, []string{b, a}, []string{b})
		if w.opens(a) || !w.opens(b) {
			t.Error("after the overlap the new key does not sign alone")
		}
		w.seal(w.replica)
		if n := len(w.named()); n != 3 {
			t.Errorf("there are %d CONFIGs", n)
		}
		loaded := w.auditor(a)
		w.must(loaded.Load(state))
		for _, who := range []*audit.Auditor{follower, loaded, w.auditor(a), w.auditor(b)} {
			w.holds(who)
		}
		// A state that has come to the new key is taken up by whoever began with the old one.
		w.must(follower.Save(state))
		for _, vkey := range []string{a, b} {
			later := w.auditor(vkey)
			w.must(later.Load(state))
			w.holds(later)
		}
		if !w.hasPrivate(old) {
			t.Error("a retired key is destroyed")
		}
	})
}

// Retiring ends the overlap early.
func TestAKeyIsRetired(t *testing.T) {
	each(t, func(w *world) {
		w.seal(w.replica)
		_, a := w.current()
		old, b := w.rotate()
		w.seal(w.replica)
		if k, err := w.ring.Retire(t.Context(), old.ID); err != nil || !k.Ends.Equal(w.clock.Now()) {
			t.Errorf("Retire = %+v, %v", k, err)
		}
		w.seal(w.replica)
		w.wantNamed([]string{a}, []string{b, a}, []string{b})
		if k, err := w.ring.Retire(t.Context(), old.ID); err != nil || k.Ends.After(w.clock.Now()) {
			t.Errorf("again Retire = %+v, %v", k, err)
		}
		w.holds(w.auditor(a))
	})
}

// A stolen key is revoked: it signs once more, that it is revoked, and is destroyed then. From
// that place in the log on it is worth nothing to whoever follows the log.
func TestAKeyIsRevoked(t *testing.T) {
	each(t, func(w *world) {
		w.seal(w.replica)
		_, a := w.current()
		stolen, _ := w.current()
		follower := w.auditor(a)
		w.holds(follower)
		size := w.look(w.replica).N
		k, err := w.ring.Revoke(t.Context(), stolen.ID, "a laptop")
		w.must(err)
		if k.Revoked.IsZero() || k.Reason != "a laptop" || !w.hasPrivate(stolen) {
			t.Errorf("Revoke = %+v", k)
		}
		_, b := w.current()
		w.seal(w.replica)
		w.wantNamed([]string{a}, []string{b})
		if from := w.newest().Revoked[a]; from != size {
			t.Errorf("the key is revoked from %d on, want %d", from, size)
		}
		w.seal(w.replica)
		if w.hasPrivate(stolen) {
			t.Error("the private half of a revoked key is kept")
		}
		all, err := w.ring.History(t.Context())
		w.must(err)
		if len(all) != 2 || all[1].Reason != "a laptop" || !all[1].Revoked.Equal(k.Revoked) {
			t.Errorf("History = %+v", all)
		}
		again, err := w.ring.Revoke(t.Context(), stolen.ID, "another reason")
		if err != nil || again.Reason != "a laptop" {
			t.Errorf("again Revoke = %+v, %v", again, err)
		}
		w.holds(follower)
		w.replica = w.open(0)
		w.seal(w.replica)
	})
}

// A key that was revoked before the log knew of it never gets into it.
func TestAKeyIsRevokedBeforeTheLogKnowsIt(t *testing.T) {
	each(t, func(w *world) {
		w.seal(w.replica)
		_, a := w.current()
		_, _ = w.rotate()
		never, _ := w.current()
		_, err := w.ring.Revoke(t.Context(), never.ID, "it was seen on a screen")
		w.must(err)
		_, c := w.current()
		w.seal(w.replica)
		w.wantNamed([]string{a}, []string{c, a})
		w.seal(w.replica)
		if w.hasPrivate(never) {
			t.Error("the private half of a revoked key is kept")
		}
	})
}

// Several rotations within one overlap: all keys sign that have not ended, and there is an end
// to that.
func TestKeysAreRotatedOften(t *testing.T) {
	each(t, func(w *world) {
		w.seal(w.replica)
		_, a := w.current()
		oldest, _ := w.current()
		for range keyring.MaxLogKeys - 1 {
			w.rotate()
			w.seal(w.replica)
		}
		if _, err := w.ring.Rotate(t.Context()); !errors.Is(err, keyring.ErrManyLogKeys) {
			t.Errorf("Rotate = %v, want %v", err, keyring.ErrManyLogKeys)
		}
		if n := len(w.newest().VKeys); n != logkeys.MaxKeys || !w.opens(a) {
			t.Errorf("%d keys sign", n)
		}
		_, err := w.ring.Retire(t.Context(), oldest.ID)
		w.must(err)
		w.rotate()
		w.seal(w.replica)
		if n := len(w.newest().VKeys); n != logkeys.MaxKeys || w.opens(a) {
			t.Errorf("%d keys sign, the retired one among them: %t", n, w.opens(a))
		}
		w.clock.Advance(keyring.LogOverlap)
		w.seal(w.replica)
		if _, now := w.current(); len(w.newest().VKeys) != 1 || w.newest().VKeys[0] != now {
			t.Errorf("after all overlaps %v sign", w.newest().VKeys)
		}
		w.holds(w.auditor(a))
	})
}

// A key is retired to make room for the next, and the replica that has the log has a clock which
// is behind: it names as many as there may be, and does not stand still until then.
func TestThereIsRoomByAnotherClock(t *testing.T) {
	each(t, func(w *world) {
		w.replica = w.open(-time.Hour)
		w.seal(w.replica)
		for range keyring.MaxLogKeys - 1 {
			w.rotate()
			w.seal(w.replica)
		}
		keys, err := w.ring.List(t.Context())
		w.must(err)
		retired := w.newest().VKeys[3]
		_, err = w.ring.Retire(t.Context(), keys[3].ID)
		w.must(err)
		_, newest := w.rotate()
		w.seal(w.replica)
		named := w.newest().VKeys
		if len(named) != logkeys.MaxKeys || named[0] != newest || slices.Contains(named, retired) {
			t.Errorf("%v are named", named)
		}
	})
}

var errGuard = errors.New("the disk is full")

// A process ends between the making of a key, its CONFIG, and the note, at each place, while the
// operator goes on changing keys. Whoever comes next signs what was committed by the keys that
// it names, and then goes on.
func TestAProcessEndsInTheMiddle(t *testing.T) {
	changes := map[string]func(w *world){
		"nothing": func(*world) {},
		"rotate":  func(w *world) { w.rotate() },
		"retire": func(w *world) {
			keys, err := w.ring.List(w.Context())
			w.must(err)
			_, err = w.ring.Retire(w.Context(), keys[1].ID)
			w.must(err)
		},
		"revoke the new": func(w *world) {
			k, _ := w.current()
			_, err := w.ring.Revoke(w.Context(), k.ID, "stolen")
			w.must(err)
		},
		"revoke the old": func(w *world) {
			keys, err := w.ring.List(w.Context())
			w.must(err)
			_, err = w.ring.Revoke(w.Context(), keys[1].ID, "stolen")
			w.must(err)
		},
		"wait": func(w *world) { w.clock.Advance(keyring.LogOverlap) },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *world) {
				w.seal(w.replica)
				_, a := w.current()
				w.rotate()
				w.replica = w.open(0) // the key is made, and no CONFIG
				w.guard.err = errGuard
				w.clock.Advance(time.Minute)
				if _, err := w.log.Seal(t.Context()); !errors.Is(err, errGuard) {
					t.Fatalf("Seal = %v", err)
				}
				w.look(w.replica) // that of before is published
				change(w)
				w.replica = w.open(0) // the CONFIG is committed, and not signed
				w.guard.err = errGuard
				if _, err := w.log.Seal(t.Context()); !errors.Is(err, errGuard) {
					t.Fatalf("Seal = %v", err)
				}
				w.replica = w.open(0)
				w.seal(w.replica)
				w.seal(w.replica)
				_, now := w.current()
				if !w.opens(now) {
					t.Error("the current key does not sign")
				}
				w.holds(w.auditor(a))
			})
		})
	}
}

// Replicas whose clocks differ do not name a key and leave it out by turns.
func TestClocksDiffer(t *testing.T) {
	each(t, func(w *world) {
		w.seal(w.replica)
		_, a := w.current()
		_, b := w.rotate()
		w.seal(w.replica)
		w.clock.Advance(keyring.LogOverlap - time.Hour)
		ahead := w.open(2 * time.Hour)
		w.seal(ahead)
		w.clock.Advance(5 * time.Hour) // so that the lease has ended by the other clock
		for range 3 {
			w.seal(w.replica)
			w.clock.Advance(3 * time.Hour)
			w.seal(ahead)
			w.clock.Advance(3 * time.Hour)
		}
		w.wantNamed([]string{a}, []string{b, a}, []string{b})
	})
}

// Two replicas have the log while its key is rotated: whoever does not write tells of the same
// CONFIGs as whoever does, at once.
func TestReplicasFollow(t *testing.T) {
	each(t, func(w *world) {
		w.seal(w.replica)
		other := w.open(0)
		w.seal(other)
		w.rotate()
		w.seal(w.replica)
		for _, r := range []*replica{w.replica, other} {
			configs, err := r.keys.Configs(t.Context(), r.log, r.state)
			if err != nil || len(configs) != 2 {
				t.Errorf("a replica knows %d CONFIGs, %v", len(configs), err)
			}
		}
		late := w.open(0)
		configs, err := late.keys.Configs(t.Context(), late.log, late.state)
		if err != nil || len(configs) != 2 {
			t.Errorf("one that has just started knows %d CONFIGs, %v", len(configs), err)
		}
	})
}

// A log that was begun with other keys, or another VRF key, is not theirs; and nobody signs by
// keys that are not here.
func TestOtherKeys(t *testing.T) {
	each(t, func(w *world) {
		w.seal(w.replica)
		first := octetsOf(w.newest())
		for name, k := range map[string]*keeper.Keeper{
			"another key":     {Origin: origin, VRF: "vrf", Ring: keepertest.Fixed(privateOf(9)), Now: w.clock.Now},
			"another VRF key": {Origin: origin, VRF: "other", Ring: w.ring, Now: w.clock.Now},
			"another log":     {Origin: "other.example/users", VRF: "vrf", Ring: w.ring, Now: w.clock.Now},
		} {
			if began, err := k.Began(t.Context(), first); err != nil || began {
				t.Errorf("%s: Began = %t, %v", name, began, err)
			}
		}
		stranger := &keeper.Keeper{Origin: origin, VRF: "vrf", Ring: keepertest.Fixed(privateOf(9)), Now: w.clock.Now}
		if c, err := stranger.Config(t.Context(), first, 2); !errors.Is(err, log.ErrConfig) {
			t.Errorf("a stranger makes the CONFIG %s, %v", c, err)
		}
		if s, err := stranger.Signers(t.Context(), first); !errors.Is(err, log.ErrConfig) {
			t.Errorf("a stranger signs by %v, %v", s, err)
		}
		w.rotate()
		if began, err := w.keys.Began(t.Context(), first); err != nil || !began {
			t.Errorf("after a rotation: Began = %t, %v", began, err)
		}
		w.seal(w.replica)
	})
}
