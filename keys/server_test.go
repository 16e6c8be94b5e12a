package keys_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"signet/internal/clocktest"
	"signet/internal/keyring"
	"signet/internal/matrix"
	"signet/internal/seal/sealtest"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/keys"
)

// world is an identity server's own keys.
type world struct {
	*testing.T
	rings keyring.Rings
}

// each tells a story on both engines.
func each(t *testing.T, tell func(w *world)) {
	storetest.Each(t, []string{"seal", "keyring"}, func(t *testing.T, db *store.DB) {
		w, clock := &world{T: t}, clocktest.New()
		var err error
		w.rings, err = keyring.Open(t.Context(), keyring.Options{DB: db, Vault: sealtest.Vault(t, db, clock.Now), Now: clock.Now, Purposes: keyring.IDServer})
		w.must(err)
		tell(w)
	})
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) server() *keys.Server {
	return &keys.Server{Name: "id.example.org", Ring: w.rings.For(keyring.Association)}
}

func (w *world) current(p keyring.Purpose) matrix.SigningKey {
	w.Helper()
	key, err := w.rings.For(p).Current(w.Context())
	w.must(err)
	return key
}

// isValid asks in every spelling of base64, which all get one answer.
func (w *world) isValid(server *keys.Server, key []byte, want bool) {
	w.Helper()
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if valid, err := server.IsValid(w.Context(), encoding.EncodeToString(key)); err != nil || valid != want {
			w.Errorf("IsValid(%s) = %v, %v; want %v", encoding.EncodeToString(key), valid, err, want)
		}
	}
}

// A retired key is no longer used, is still published, and stays valid for what it
// signed; both alphabets of base64 name it, padded or not.
func TestARetiredKeyStaysValid(t *testing.T) {
	each(t, func(w *world) {
		server, old := w.server(), w.current(keyring.Association)
		_, err := w.rings.For(keyring.Association).Rotate(w.Context())
		w.must(err)
		if got, err := server.Public(w.Context(), old.ID); err != nil || !got.Equal(old.Public()) {
			w.Errorf("Public(%s) = %v, %v", old.ID, got, err)
		}
		if _, err := server.Public(w.Context(), "ed25519:none"); !errors.Is(err, keys.ErrUnknownKey) {
			w.Errorf("Public of an unknown id = %v, want %v", err, keys.ErrUnknownKey)
		}
		w.isValid(server, old.Public(), true)
		for _, other := range []string{"", "!", "AAAA", base64.StdEncoding.EncodeToString(make([]byte, 32))} {
			if valid, err := server.IsValid(w.Context(), other); err != nil || valid {
				w.Errorf("IsValid(%q) = %v, %v; want false", other, valid, err)
			}
		}
	})
}

// A stolen key is this server's no more: not by its id, not by its octets in whatever
// base64, and nothing is signed with it. Those beside it stay, each by its own id.
func TestARevokedKeyIsNoKeyOfThisServer(t *testing.T) {
	each(t, func(w *world) {
		retired := w.current(keyring.Association)
		bad, err := w.rings.For(keyring.Association).Rotate(w.Context())
		w.must(err)
		running := w.server() // was there before
		_, err = w.rings.For(keyring.Association).Revoke(w.Context(), bad.ID, "stolen")
		w.must(err)
		if _, err := running.Public(w.Context(), bad.ID); !errors.Is(err, keys.ErrUnknownKey) {
			w.Errorf("Public of a revoked key = %v, want %v", err, keys.ErrUnknownKey)
		}
		w.isValid(running, bad.Public, false)
		current := w.current(keyring.Association)
		if current.ID == bad.ID {
			w.Error("the revoked key signs")
		}
		for _, k := range []matrix.SigningKey{current, retired} {
			if got, err := running.Public(w.Context(), k.ID); err != nil || !got.Equal(k.Public()) {
				w.Errorf("Public(%s) = %v, %v", k.ID, got, err)
			}
			w.isValid(running, k.Public(), true)
		}
	})
}

// The keys for the federation, for the logs and for the VRF are the server's too, but
// what it says of associations is never said with them.
func TestTheKeysForOtherPurposesAreNotForAssociations(t *testing.T) {
	each(t, func(w *world) {
		server := w.server()
		signed, err := server.Sign(w.Context(), map[string]string{"mxid": "@alice:example.org"})
		w.must(err)
		own := w.current(keyring.Association)
		if err := matrix.Verify(server.Name, own.ID, own.Public(), signed); err != nil {
			w.Errorf("an association does not verify by the key for associations: %s", signed)
		}
		for _, ring := range w.rings {
			if ring.Purpose() == keyring.Association {
				continue
			}
			list, err := ring.List(w.Context())
			w.must(err)
			if len(list) != 1 {
				w.Fatalf("there are %d keys for %s", len(list), ring.Purpose())
			}
			w.isValid(server, list[0].Public, false)
			if _, err := server.Public(w.Context(), list[0].ID); !errors.Is(err, keys.ErrUnknownKey) {
				w.Errorf("the %s key is published as one for associations: %v", ring.Purpose(), err)
			}
			if strings.Contains(string(signed), string(list[0].ID)) {
				w.Errorf("an association is signed with the %s key: %s", ring.Purpose(), signed)
			}
		}
	})
}

func TestManyAreSignedAsOneIs(t *testing.T) {
	each(t, func(w *world) {
		values := []any{map[string]int{"b": 1, "a": 2}, map[string]int{}, map[string]string{"c": "x"}}
		all, err := w.server().SignAll(w.Context(), values)
		w.must(err)
		for i, v := range values {
			one, err := w.server().Sign(w.Context(), v)
			w.must(err)
			if string(all[i]) != string(one) {
				w.Errorf("value %d is signed as %s among many and as %s alone", i, all[i], one)
			}
		}
		if _, err := w.server().SignAll(w.Context(), []any{1}); err == nil {
			w.Error("a number was signed")
		}
	})
}
