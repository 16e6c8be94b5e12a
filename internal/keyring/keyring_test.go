package keyring_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/clocktest"
	"signet/internal/keyring"
	"signet/internal/matrix"
	"signet/internal/seal"
	"signet/internal/seal/sealtest"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

var (
	owners   = []string{"seal", "keyring"}
	programs = map[string][]keyring.Purpose{"idserver": keyring.IDServer, "homeserver": keyring.HomeServer}
)

// world is one database and the clock of everybody who opens it.
type world struct {
	*testing.T
	db    *store.DB
	vault *seal.Vault
	clock *clocktest.Clock
}

// each tells a story on both engines.
func each(t *testing.T, tell func(w *world)) {
	storetest.Each(t, owners, func(t *testing.T, db *store.DB) { tell(newWorld(t, db)) })
}

func newWorld(t *testing.T, db *store.DB) *world {
	w := &world{T: t, db: db, clock: clocktest.New()}
	w.vault = sealtest.Vault(t, db, w.clock.Now)
	return w
}

// open is a replica or a command of a program with those purposes.
func (w *world) open(purposes []keyring.Purpose) keyring.Rings {
	w.Helper()
	rings, err := keyring.Open(w.Context(), keyring.Options{DB: w.db, Vault: w.vault, Now: w.clock.Now, Purposes: purposes})
	w.must(err)
	return rings
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) current(r *keyring.Ring) matrix.SigningKey {
	w.Helper()
	key, err := r.Current(w.Context())
	w.must(err)
	return key
}

func (w *world) list(r *keyring.Ring) []keyring.Key {
	w.Helper()
	keys, err := r.List(w.Context())
	w.must(err)
	return keys
}

func (w *world) history(r *keyring.Ring) []keyring.Key {
	w.Helper()
	keys, err := r.History(w.Context())
	w.must(err)
	return keys
}

func ids(keys []keyring.Key) (list []matrix.KeyID) {
	for _, k := range keys {
		list = append(list, k.ID)
	}
	return list
}

// check holds what is true of rings at any time: one current key each, the newest, and
// no key or id twice, in whatever ring and state.
func (w *world) check(rings keyring.Rings) {
	w.Helper()
	seen := map[string]keyring.Purpose{}
	for _, r := range rings {
		var current []matrix.KeyID
		for _, k := range w.history(r) {
			for _, name := range []string{string(k.ID), string(k.Public)} {
				if other, twice := seen[name]; twice {
					w.Errorf("%q is in the rings for %s and %s", name, other, r.Purpose())
				}
				seen[name] = r.Purpose()
			}
			if k.Retired.IsZero() {
				current = append(current, k.ID)
			}
			if len(k.Public) != ed25519.PublicKeySize || k.Created.IsZero() || !k.Revoked.IsZero() && k.Reason == "" {
				w.Errorf("the ring for %s holds %+v", r.Purpose(), k)
			}
		}
		if list := w.list(r); len(current) != 1 || list[0].ID != current[0] {
			w.Errorf("the ring for %s: current are %v, the newest is %s", r.Purpose(), current, list[0].ID)
		}
	}
}

// Replicas that start on an empty database at the same moment end with the same keys,
// one a purpose.
func TestReplicasMakeTheSameFirstKeys(t *testing.T) {
	each(t, func(w *world) {
		const replicas = 6
		all := make([]keyring.Rings, replicas)
		var wg sync.WaitGroup
		for i := range replicas {
			wg.Go(func() { // no FailNow here
				var err error
				all[i], err = keyring.Open(w.Context(), keyring.Options{DB: w.db, Vault: w.vault, Now: w.clock.Now, Purposes: keyring.IDServer})
				if err != nil {
					w.Error(err)
				}
			})
		}
		wg.Wait()
		if w.Failed() {
			return
		}
		for _, p := range keyring.IDServer {
			first := w.history(all[0].For(p))
			if len(first) != 1 {
				w.Errorf("there are %d keys for %s", len(first), p)
			}
			for i, rings := range all {
				if got := w.secret(rings.For(p)); !bytes.Equal(got, w.secret(all[0].For(p))) {
					w.Errorf("replica %d has a %s key of its own", i, p)
				}
			}
		}
		w.check(all[0])
	})
}

// secret is the private half of what a ring uses now.
func (w *world) secret(r *keyring.Ring) []byte {
	w.Helper()
	if r.Purpose() == keyring.VRF {
		sk, err := r.SecretKey(w.Context())
		w.must(err)
		return sk
	}
	return w.current(r).Private.Seed()
}

// A VRF's key and one that signs do not pass for each other. Both halves of the VRF's
// belong together as RFC 9381, 5.5 has it: as those of Ed25519.
func TestTheVRFKeySignsNothing(t *testing.T) {
	each(t, func(w *world) {
		rings := w.open(keyring.IDServer)
		vrf := rings.For(keyring.VRF)
		if key, err := vrf.Current(w.Context()); err == nil {
			w.Errorf("Current = %s of the VRF ring", key.ID)
		}
		if key, _, err := vrf.Published(w.Context()); err == nil {
			w.Errorf("Published = %s of the VRF ring", key.ID)
		}
		if _, err := rings.For(keyring.Association).SecretKey(w.Context()); err == nil {
			w.Error("a signing key was given to a VRF")
		}
		key := w.list(vrf)[0]
		if got := ed25519.NewKeyFromSeed(w.secret(vrf)).Public().(ed25519.PublicKey); !got.Equal(key.Public) {
			w.Errorf("the halves of the VRF key do not belong together: %x and %x", got, key.Public)
		}
		if _, signs := matrix.ParseKeyID(string(key.ID)); signs {
			w.Errorf("the VRF key's id, %s, is that of a signing key", key.ID)
		}
	})
}

// A key that somebody moves into another ring in the database is not used there.
func TestAMovedKeyDoesNotOpen(t *testing.T) {
	each(t, func(w *world) {
		rings := w.open(keyring.IDServer)
		for _, statement := range []string{
			`DELETE FROM keyring_others WHERE purpose = 'federation'`,
			`UPDATE keyring_others SET purpose = 'federation' WHERE purpose = 'users-log'`,
		} {
			_, err := w.db.Exec(w.Context(), statement)
			w.must(err)
		}
		if key, err := rings.For(keyring.Federation).Current(w.Context()); err == nil {
			w.Errorf("the log's key signs for the federation, as %s", key.ID)
		}
	})
}

// A rotation is seen by a ring that was open before; the retired key is still listed,
// with the public half it had. Nothing happens to the other rings.
func TestRotate(t *testing.T) {
	for name, purposes := range programs {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *world) {
				running, command := w.open(purposes), w.open(purposes)
				for _, p := range []keyring.Purpose{keyring.Association, keyring.Federation} {
					ring := running.For(p)
					if ring == nil {
						continue
					}
					old, others := w.current(ring), w.others(running, p)
					w.clock.Advance(time.Hour)
					rotated, err := command.For(p).Rotate(w.Context())
					w.must(err)
					if current := w.current(ring); current.ID != rotated.ID || current.ID == old.ID {
						w.Errorf("after the rotation to %s the running server signs with %s", rotated.ID, current.ID)
					}
					keys := w.list(ring)
					if len(keys) != 2 || keys[0].ID != rotated.ID || keys[1].ID != old.ID || !keys[1].Public.Equal(old.Public()) {
						w.Fatalf("List = %v, want the new key and the old one", keys)
					}
					if !keys[0].Retired.IsZero() || !keys[1].Retired.Equal(w.clock.Now()) {
						w.Errorf("List = %v, want the old key retired now", keys)
					}
					signs, retired, err := ring.Published(w.Context())
					w.must(err)
					if signs.ID != rotated.ID || !slices.Equal(ids(retired), []matrix.KeyID{old.ID}) {
						w.Errorf("Published = %s, %v; want %s and the old key", signs.ID, retired, rotated.ID)
					}
					if now := w.others(running, p); !maps.Equal(now, others) {
						w.Errorf("rotating %s changed other rings from %v to %v", p, others, now)
					}
				}
				w.check(running)
			})
		})
	}
}

// others are the ids in all rings but one.
func (w *world) others(rings keyring.Rings, but keyring.Purpose) map[matrix.KeyID]keyring.Purpose {
	found := map[matrix.KeyID]keyring.Purpose{}
	for _, r := range rings {
		if r.Purpose() != but {
			for _, id := range ids(w.list(r)) {
				found[id] = r.Purpose()
			}
		}
	}
	return found
}

// A VRF's key changes with its log: here that is refused, with a word on what to do, and it
// stays.
func TestTheKeyOfAVRFStays(t *testing.T) {
	each(t, func(w *world) {
		r, before := w.open(keyring.IDServer).For(keyring.VRF), storetest.Dump(w, w.db, "keyring_others", "keyring_revoked")
		key := w.list(r)[0]
		_, rotate := r.Rotate(w.Context())
		_, retire := r.Retire(w.Context(), key.ID)
		_, revoke := r.Revoke(w.Context(), key.ID, "stolen")
		for _, err := range []error{rotate, retire, revoke} {
			if !errors.Is(err, keyring.ErrVRFKey) {
				w.Errorf("changing the VRF key = %v, want %v", err, keyring.ErrVRFKey)
			}
		}
		if after := storetest.Dump(w, w.db, "keyring_others", "keyring_revoked"); after != before {
			w.Error("refusing changed the VRF key")
		}
		if text := keyring.ErrVRFKey.Error(); !strings.Contains(text, "successor log") || !strings.Contains(text, "docs/operations.md") || !strings.Contains(text, "Nothing was changed") {
			w.Errorf("the refusal does not say what to do: %v", keyring.ErrVRFKey)
		}
	})
}

// An id is found in the ring that it is of, whatever became of its key.
func TestAKeyIsFoundByItsID(t *testing.T) {
	each(t, func(w *world) {
		rings := w.open(keyring.IDServer)
		old := w.current(rings.For(keyring.Federation))
		_, err := rings.For(keyring.Federation).Revoke(w.Context(), old.ID, "stolen")
		w.must(err)
		for _, r := range rings {
			for _, k := range w.history(r) {
				if found, err := rings.With(w.Context(), k.ID); err != nil || found != r {
					w.Errorf("With(%s) = %v, %v; want the ring for %s", k.ID, found, err, r.Purpose())
				}
			}
		}
		if _, err := rings.With(w.Context(), "ed25519:none"); !errors.Is(err, keyring.ErrUnknownKey) {
			w.Errorf("With of an unknown id = %v", err)
		}
		if r := w.open(keyring.HomeServer).For(keyring.VRF); r != nil {
			w.Error("a homeserver has a ring for a VRF")
		}
	})
}
