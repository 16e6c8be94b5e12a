package serverkeys_test

import (
	"testing"
	"time"

	"signet/internal/clocktest"
	"signet/internal/keyring"
	"signet/internal/keyring/keyringtest"
	"signet/internal/matrix"
	"signet/internal/seal/sealtest"
	"signet/internal/serverkeys"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// Who knows one key of a server is shown by its signature that the next one follows on it, for a
// week; a revoked one signs nothing.
func TestAKeyHandsOver(t *testing.T) {
	storetest.Each(t, []string{"seal", "keyring"}, func(t *testing.T, db *store.DB) {
		clock := clocktest.New()
		ring := keyringtest.Open(t, db, sealtest.Vault(t, db, clock.Now), clock.Now, keyring.Federation)
		signers := func() string {
			t.Helper()
			document, err := serverkeys.Publish(t.Context(), ring, server, clock.Now())
			if err != nil {
				t.Fatal(err)
			}
			d, err := serverkeys.Parse(server, document)
			if err != nil || len(d.Verify) != 1 {
				t.Fatalf("%+v, %v", d, err)
			}
			return names(d.Signers)
		}
		both := func(a, b matrix.KeyID) string { return names(map[matrix.KeyID]bool{a: true, b: true}) }
		first, err := ring.Current(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := signers(); got != string(first.ID) {
			t.Errorf("signed by %s", got)
		}
		second, err := ring.Rotate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		clock.Advance(7*24*time.Hour - time.Millisecond)
		if got := signers(); got != both(first.ID, second.ID) {
			t.Errorf("signed by %s", got)
		}
		clock.Advance(time.Millisecond)
		if got := signers(); got != string(second.ID) {
			t.Errorf("after a week signed by %s", got)
		}
		if _, err := ring.Revoke(t.Context(), second.ID, "stolen"); err != nil {
			t.Fatal(err)
		}
		third, err := ring.Current(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := signers(); got != string(third.ID) {
			t.Errorf("signed by %s", got)
		}
	})
}
