package keys_test

import (
	"encoding/base64"
	"errors"
	"testing"

	"signet/internal/clocktest"
	"signet/internal/keyring"
	"signet/internal/seal/sealtest"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/keys"
)

// A retired key is no longer used, is still published, and stays valid for what it
// signed; both alphabets of base64 name it, padded or not.
func TestARetiredKeyStaysValid(t *testing.T) {
	storetest.Each(t, []string{"seal", "keyring"}, func(t *testing.T, db *store.DB) {
		clock := clocktest.New()
		ring, err := keyring.Open(t.Context(), db, sealtest.Vault(t, db, clock.Now), clock.Now)
		if err != nil {
			t.Fatal(err)
		}
		server := &keys.Server{Name: "id.example.org", Ring: ring}
		old, err := ring.Current(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ring.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := server.Public(t.Context(), old.ID); err != nil || !got.Equal(old.Public()) {
			t.Errorf("Public(%s) = %v, %v", old.ID, got, err)
		}
		if _, err := server.Public(t.Context(), "ed25519:none"); !errors.Is(err, keys.ErrUnknownKey) {
			t.Errorf("Public of an unknown id = %v, want %v", err, keys.ErrUnknownKey)
		}
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			if valid, err := server.IsValid(t.Context(), encoding.EncodeToString(old.Public())); err != nil || !valid {
				t.Errorf("IsValid(%s) = %v, %v", encoding.EncodeToString(old.Public()), valid, err)
			}
		}
		for _, other := range []string{"", "!", "AAAA", base64.StdEncoding.EncodeToString(make([]byte, 32))} {
			if valid, err := server.IsValid(t.Context(), other); err != nil || valid {
				t.Errorf("IsValid(%q) = %v, %v; want false", other, valid, err)
			}
		}
	})
}
