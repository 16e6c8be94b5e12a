package keyring_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/keyring"
	"signet/internal/matrix"
	"signet/internal/store/storetest"
)

const stolen = "it was on the laptop"

// A stolen key that signs is replaced and disowned in one step, which a ring that was
// open before sees at once. It cannot be made good again.
func TestTheCurrentKeyIsRevoked(t *testing.T) {
	for name, purposes := range programs {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *world) {
				rings := w.open(purposes)
				running, command := rings[0], w.open(purposes)[0]
				bad := w.current(running)
				w.clock.Advance(time.Hour)
				revoked, err := command.Revoke(w.Context(), bad.ID, stolen)
				w.must(err)
				if now := w.clock.Now(); revoked.ID != bad.ID || revoked.Reason != stolen || !revoked.Revoked.Equal(now) || !revoked.Retired.Equal(now) {
					w.Errorf("Revoke = %+v", revoked)
				}
				good := w.current(running)
				if good.ID == bad.ID || good.Private.Equal(bad.Private) {
					w.Error("the revoked key still signs")
				}
				if list := ids(w.list(running)); !slices.Equal(list, []matrix.KeyID{good.ID}) {
					w.Errorf("List = %v, want the new key alone", list)
				}
				if _, retired, err := running.Published(w.Context()); err != nil || len(retired) != 0 {
					w.Errorf("published as retired: %v, %v", retired, err)
				}
				if all := w.history(running); len(all) != 2 || all[0].ID != good.ID || all[1].Reason != stolen || !all[1].Public.Equal(bad.Public()) {
					w.Errorf("History = %+v, want the new key and then the revoked one", all)
				}
				if _, err := running.Retire(w.Context(), bad.ID); !errors.Is(err, keyring.ErrRevoked) {
					w.Errorf("Retire of a revoked key = %v", err)
				}
				w.check(rings)
			})
		})
	}
}

// Revoking a retired key leaves the one that signs alone. To say it again changes
// nothing: who was told when and why stays true.
func TestARetiredKeyIsRevokedOnce(t *testing.T) {
	each(t, func(w *world) {
		rings := w.open(keyring.IDServer)
		ring := rings.For(keyring.Federation)
		bad := w.current(ring)
		signs, err := ring.Rotate(w.Context())
		w.must(err)
		retired := w.clock.Now()
		w.clock.Advance(time.Hour)
		first, err := ring.Revoke(w.Context(), bad.ID, stolen)
		w.must(err)
		w.clock.Advance(time.Hour)
		before := storetest.Dump(w, w.db, "keyring_keys", "keyring_others", "keyring_revoked")
		again, err := ring.Revoke(w.Context(), bad.ID, "another reason")
		w.must(err)
		if again.Reason != stolen || !again.Revoked.Equal(first.Revoked) || !again.Retired.Equal(retired) {
			w.Errorf("revoked again = %+v, want %+v", again, first)
		}
		if now := w.current(ring); now.ID != signs.ID {
			w.Errorf("revoking a retired key made %s sign", now.ID)
		}
		if after := storetest.Dump(w, w.db, "keyring_keys", "keyring_others", "keyring_revoked"); after != before {
			w.Error("revoking again changed a row")
		}
		w.check(rings)
	})
}

// The private half of a revoked key has no use left, and is not kept.
func TestTheRevokedPrivateHalfIsDestroyed(t *testing.T) {
	each(t, func(w *world) {
		rings := w.open(keyring.IDServer)
		for p, table := range map[keyring.Purpose]string{keyring.Association: "keyring_keys", keyring.Federation: "keyring_others"} {
			id := w.current(rings.For(p)).ID
			var sealed []byte
			w.must(w.db.QueryRow(w.Context(), `SELECT sealed FROM `+table+` WHERE key_id = $1`, string(id)).Scan(&sealed))
			_, err := rings.For(p).Revoke(w.Context(), id, stolen)
			w.must(err)
			dump := storetest.Dump(w, w.db, "keyring_keys", "keyring_others", "keyring_revoked")
			if strings.Contains(dump, string(sealed)) || !strings.Contains(dump, stolen) {
				w.Errorf("the sealed %s key is still there, or the reason is not", p)
			}
		}
	})
}

// Whatever is asked of a key that is not there, or not rightly, changes nothing.
func TestRefusedChangesChangeNothing(t *testing.T) {
	each(t, func(w *world) {
		rings := w.open(keyring.IDServer)
		ring, other := rings.For(keyring.Association), rings.For(keyring.Federation)
		signs := w.current(ring).ID
		before := storetest.Dump(w, w.db, "keyring_keys", "keyring_others", "keyring_revoked")
		for _, c := range []struct {
			name string
			err  func() error
			want error
		}{
			{"retiring the only key", func() error { _, err := ring.Retire(w.Context(), signs); return err }, keyring.ErrCurrent},
			{"retiring no key", func() error { _, err := ring.Retire(w.Context(), "ed25519:none"); return err }, keyring.ErrUnknownKey},
			{"retiring another ring's", func() error { _, err := other.Retire(w.Context(), signs); return err }, keyring.ErrUnknownKey},
			{"revoking no key", func() error { _, err := ring.Revoke(w.Context(), "ed25519:none", stolen); return err }, keyring.ErrUnknownKey},
			{"revoking another ring's", func() error { _, err := other.Revoke(w.Context(), signs, stolen); return err }, keyring.ErrUnknownKey},
			{"no reason", func() error { _, err := ring.Revoke(w.Context(), signs, " "); return err }, keyring.ErrReason},
			{"a long reason", func() error { _, err := ring.Revoke(w.Context(), signs, strings.Repeat("ü", 501)); return err }, keyring.ErrReason},
			{"a reason of two lines", func() error { _, err := ring.Revoke(w.Context(), signs, "a\nb"); return err }, keyring.ErrReason},
			{"a reason that is no text", func() error { _, err := ring.Revoke(w.Context(), signs, "\xff"); return err }, keyring.ErrReason},
		} {
			if err := c.err(); !errors.Is(err, c.want) {
				w.Errorf("%s = %v, want %v", c.name, err, c.want)
			}
		}
		if after := storetest.Dump(w, w.db, "keyring_keys", "keyring_others", "keyring_revoked"); after != before {
			w.Error("a refusal changed a row")
		}
		_, err := ring.Revoke(w.Context(), signs, strings.Repeat("ü", 500))
		w.must(err)
	})
}

// Retiring what is retired says since when, and is no change.
func TestARetiredKeyStaysRetired(t *testing.T) {
	each(t, func(w *world) {
		ring := w.open(keyring.IDServer).For(keyring.Association)
		old := w.current(ring)
		_, err := ring.Rotate(w.Context())
		w.must(err)
		then := w.clock.Now()
		w.clock.Advance(time.Hour)
		if key, err := ring.Retire(w.Context(), old.ID); err != nil || !key.Retired.Equal(then) {
			w.Errorf("Retire = %+v, %v; want retired at %v", key, err, then)
		}
	})
}

// Rivals revoke and rotate one key while others sign: one reason is kept, one key is
// current, and nobody gets the revoked key after the first Revoke has returned.
func TestRivalsRevokeOneKey(t *testing.T) {
	each(t, func(w *world) {
		rings := w.open(keyring.IDServer)
		bad := w.current(rings[0]).ID
		const rivals = 4
		reasons := make([]string, rivals)
		var wg sync.WaitGroup
		for i := range rivals {
			ring := w.open(keyring.IDServer)[0]
			wg.Go(func() {
				key, err := ring.Revoke(w.Context(), bad, "rival "+string(rune('a'+i)))
				if err != nil {
					w.Error(err)
				}
				reasons[i] = key.Reason
				if signs, err := ring.Current(w.Context()); err != nil || signs.ID == bad {
					w.Errorf("after its revocation %s signs, %v", signs.ID, err)
				}
			})
			wg.Go(func() {
				if _, err := ring.Rotate(w.Context()); err != nil {
					w.Error(err)
				}
			})
		}
		wg.Wait()
		slices.Sort(reasons)
		if kept := slices.Compact(reasons); len(kept) != 1 {
			w.Errorf("rivals were told the reasons %q", kept)
		}
		if n := len(w.history(rings[0])); n != 1+rivals && n != 2+rivals {
			w.Errorf("%d rotations and one revocation left %d keys", rivals, n)
		}
		w.check(rings)
	})
}
