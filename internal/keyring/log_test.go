package keyring_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"signet/internal/keyring"
	"signet/internal/store/storetest"
)

// A retired key of a log goes on signing beside its successor, and one that is revoked is kept
// until the log knows; keys for other purposes have no such time.
func TestTheKeysOfALog(t *testing.T) {
	each(t, func(w *world) {
		rings := w.open(keyring.IDServer)
		ring, others := rings.For(keyring.UsersLog), w.others(rings, keyring.UsersLog)
		old := w.current(ring)
		w.clock.Advance(time.Hour)
		_, err := ring.Rotate(w.Context())
		w.must(err)
		ends := w.clock.Now().Add(keyring.LogOverlap)
		if k := w.history(ring)[1]; k.ID != old.ID || !k.Ends.Equal(ends) {
			w.Errorf("the old key is %+v, want it to end at %v", k, ends)
		}
		if private, err := ring.LogKey(w.Context(), old.Public()); err != nil || !private.Equal(old.Private) {
			w.Errorf("the old key does not sign: %v", err)
		}
		w.clock.Advance(time.Hour)
		if k, err := ring.Retire(w.Context(), old.ID); err != nil || !k.Ends.Equal(w.clock.Now()) {
			w.Errorf("Retire = %+v, %v", k, err)
		}
		federation := rings.For(keyring.Federation)
		_, err = federation.Rotate(w.Context())
		w.must(err)
		if k := w.history(federation)[1]; !k.Ends.IsZero() {
			w.Errorf("a key for the federation ends at %v", k.Ends)
		}
		if _, err := federation.LogKeys(w.Context()); err == nil {
			w.Error("a key for the federation is one of a log")
		}
		if now := w.others(rings, keyring.UsersLog); len(now) != len(others)+1 { // the one that was rotated
			w.Errorf("other rings changed from %v to %v", others, now)
		}
		w.check(rings)
	})
}

// However many keys sign, the one that was stolen can be revoked at once: its successor takes its
// room.
func TestAStolenKeyOfALogIsRevokedAmongMany(t *testing.T) {
	each(t, func(w *world) {
		ring := w.open(keyring.IDServer).For(keyring.UsersLog)
		for range keyring.MaxLogKeys - 1 {
			_, err := ring.Rotate(w.Context())
			w.must(err)
		}
		if _, err := ring.Rotate(w.Context()); !errors.Is(err, keyring.ErrManyLogKeys) {
			w.Fatalf("Rotate with %d keys that sign = %v", keyring.MaxLogKeys, err)
		}
		for range 2 {
			bad := w.current(ring)
			if k, err := ring.Revoke(w.Context(), bad.ID, stolen); err != nil || k.Revoked.IsZero() {
				w.Fatalf("Revoke = %+v, %v", k, err)
			}
			if w.current(ring).ID == bad.ID || len(w.list(ring)) != keyring.MaxLogKeys {
				w.Errorf("%s signs, one of %d", w.current(ring).ID, len(w.list(ring)))
			}
		}
	})
}

// A revoked key of a log leaves every list of those that are believed at once, and its private
// half when it is forgotten; nothing else is ever forgotten.
func TestARevokedKeyOfALogIsForgotten(t *testing.T) {
	each(t, func(w *world) {
		rings := w.open(keyring.IDServer)
		ring := rings.For(keyring.ServersLog)
		bad := w.current(ring)
		_, err := ring.Revoke(w.Context(), bad.ID, stolen)
		w.must(err)
		good := w.current(ring)
		if list := ids(w.list(ring)); len(list) != 1 || list[0] != good.ID {
			w.Errorf("believed are %v", list)
		}
		if _, err := ring.Signing(w.Context(), bad.Public()); !errors.Is(err, keyring.ErrUnknownKey) {
			w.Errorf("Signing by the revoked key = %v", err)
		}
		keys, err := ring.LogKeys(w.Context())
		if err != nil || len(keys) != 2 || keys[1].Revoked.IsZero() || keys[1].Reason != stolen {
			w.Errorf("LogKeys = %+v, %v", keys, err)
		}
		if _, err := ring.Retire(w.Context(), bad.ID); !errors.Is(err, keyring.ErrRevoked) {
			w.Errorf("Retire of a revoked key = %v", err)
		}
		var sealed []byte
		w.must(w.db.QueryRow(w.Context(), `SELECT sealed FROM keyring_others WHERE key_id = $1`, string(bad.ID)).Scan(&sealed))
		w.must(ring.Forget(w.Context(), good.ID))
		w.must(ring.Forget(w.Context(), bad.ID))
		w.must(ring.Forget(w.Context(), bad.ID))
		if strings.Contains(storetest.Dump(w, w.db, "keyring_others", "keyring_revoked"), string(sealed)) {
			w.Error("the sealed key is still there")
		}
		if _, err := ring.LogKey(w.Context(), bad.Public()); !errors.Is(err, keyring.ErrUnknownKey) {
			w.Errorf("LogKey of a forgotten key = %v", err)
		}
		if all := w.history(ring); len(all) != 2 || all[1].Reason != stolen || w.current(ring).ID != good.ID {
			w.Errorf("History = %+v", all)
		}
		w.check(rings)
	})
}
