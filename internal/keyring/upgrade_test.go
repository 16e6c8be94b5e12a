package keyring_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"maps"
	"slices"
	"strconv"
	"testing"
	"testing/fstest"

	"signet/internal/keyring"
	"signet/internal/matrix"
	"signet/internal/seal"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/migrations"
)

// firstSchema is the schema of the release that knew one ring.
func (w *world) firstSchema() fstest.MapFS {
	w.Helper()
	schema := fstest.MapFS{}
	for _, path := range []string{"seal/0001_secrets.sql", "keyring/0001_signing_keys.sql"} {
		text, err := migrations.FS.ReadFile(path)
		w.must(err)
		schema[path] = &fstest.MapFile{Data: text}
	}
	return schema
}

// firstRelease is a replica of that release: its statements, word for word.
type firstRelease struct {
	*world
	box seal.Box
	ids int
}

func (f *firstRelease) rotate() matrix.KeyID {
	f.Helper()
	f.ids++
	id := "ed25519:first" + strconv.Itoa(f.ids)
	public, private, err := ed25519.GenerateKey(nil)
	f.must(err)
	f.must(f.db.Tx(f.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(f.Context(), `UPDATE keyring_keys SET retired_ms = $1 WHERE retired_ms = 0`, f.clock.Now().UnixMilli())
		if err != nil {
			return err
		}
		_, err = tx.Exec(f.Context(), `INSERT INTO keyring_keys (serial, key_id, public_key, sealed, created_ms)
		SELECT COALESCE(MAX(serial), 0) + 1, $1, $2, $3, $4 FROM keyring_keys`,
			id, []byte(public), f.box.Seal(private.Seed(), []byte(id)), f.clock.Now().UnixMilli())
		return err
	}))
	return matrix.KeyID(id)
}

// current is the id and the seed of what it signs with.
func (f *firstRelease) current() (id matrix.KeyID, seed []byte) {
	f.Helper()
	var sealed []byte
	f.must(f.db.QueryRow(f.Context(), `SELECT key_id, sealed FROM keyring_keys WHERE retired_ms = 0`).Scan(&id, &sealed))
	seed, err := f.box.Open(sealed, []byte(id))
	f.must(err)
	return id, seed
}

// list is what it calls valid.
func (f *firstRelease) list() (ids []matrix.KeyID) {
	f.Helper()
	rows, err := f.db.Query(f.Context(), `SELECT key_id, public_key, created_ms, retired_ms FROM keyring_keys ORDER BY serial DESC`)
	f.must(err)
	defer rows.Close()
	for rows.Next() {
		var id matrix.KeyID
		var public ed25519.PublicKey
		var created, retired int64
		f.must(rows.Scan(&id, &public, &created, &retired))
		ids = append(ids, id)
	}
	f.must(rows.Err())
	return ids
}

// upgrade begins with a database in which the first release has rotated once, and
// migrates it.
func upgrade(t *testing.T, tell func(w *world, old *firstRelease, first, second matrix.KeyID)) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		db, err := store.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		old := &firstRelease{}
		if err := db.Migrate(context.Background(), (&world{T: t}).firstSchema(), owners...); err != nil {
			t.Fatal(err)
		}
		old.world = newWorld(t, db)
		old.box, err = old.vault.Box(t.Context(), "signing keys")
		old.must(err)
		first, second := old.rotate(), old.rotate()
		old.must(db.Migrate(t.Context(), migrations.FS, owners...))
		tell(old.world, old, first, second)
	})
}

// What an identity server had is its key for associations, what a homeserver had its
// key for the federation; the others are made new.
func TestTheKeysOfTheFirstReleaseKeepTheirPurpose(t *testing.T) {
	for name, purposes := range programs {
		t.Run(name, func(t *testing.T) {
			upgrade(t, func(w *world, old *firstRelease, first, second matrix.KeyID) {
				rings := w.open(purposes)
				kept := rings.For(map[string]keyring.Purpose{"idserver": keyring.Association, "homeserver": keyring.Federation}[name])
				id, seed := old.current()
				if signs := w.current(kept); id != second || signs.ID != id || !bytes.Equal(signs.Private.Seed(), seed) {
					w.Errorf("after the upgrade %s signs, before it %s", signs.ID, id)
				}
				if list := ids(w.list(kept)); !slices.Equal(list, []matrix.KeyID{second, first}) {
					w.Errorf("after the upgrade the keys are %v", list)
				}
				for _, r := range rings {
					if n := len(w.history(r)); r != kept && n != 1 {
						w.Errorf("there are %d keys for %s", n, r.Purpose())
					}
				}
				w.check(rings)
			})
		})
	}
}

// While replicas are replaced one by one both releases sign with the same key and call
// the same keys theirs, whichever of them rotates or revokes.
func TestBothReleasesAgree(t *testing.T) {
	for name, purposes := range programs {
		t.Run(name, func(t *testing.T) {
			upgrade(t, func(w *world, old *firstRelease, first, second matrix.KeyID) {
				rings := w.open(purposes)
				ring := rings[0]
				agree := func(what string) {
					w.Helper()
					id, _ := old.current()
					if signs := w.current(ring); signs.ID != id || !slices.Equal(ids(w.list(ring)), old.list()) {
						w.Errorf("%s: this release signs with %s and has %v, the first with %s and has %v", what, signs.ID, ids(w.list(ring)), id, old.list())
					}
					w.check(rings)
				}
				agree("after the upgrade")
				_, err := ring.Rotate(w.Context())
				w.must(err)
				agree("after a rotation by this release")
				others := w.others(rings, ring.Purpose())
				old.rotate()
				agree("after a rotation by the first")
				if now := w.others(rings, ring.Purpose()); !maps.Equal(now, others) {
					w.Errorf("the first release changed other rings from %v to %v", others, now)
				}
				_, err = ring.Revoke(w.Context(), second, "stolen")
				w.must(err)
				agree("after a revocation")
				if slices.Contains(old.list(), second) || !slices.Contains(old.list(), first) {
					w.Errorf("the first release has %v, where %s is revoked", old.list(), second)
				}
				_, err = ring.Revoke(w.Context(), w.current(ring).ID, "stolen")
				w.must(err)
				agree("after a revocation of the current key")
				old.rotate()
				agree("after a rotation by the first after that")
			})
		})
	}
}
