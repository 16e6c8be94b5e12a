package lookup_test

import (
	"context"
	"fmt"
	"testing"

	"signet/internal/keyring"
	"signet/internal/keyring/keyringtest"
	"signet/internal/matrix"
	"signet/internal/store/storetest"
	"signet/internal/threepid"
	"signet/keys"
	"signet/lookup"
	"signet/verify"
	"signet/verify/verifytest"
)

// bench is a directory on SQLite with bindings of user0@example.org and so on, each
// bound as a person binds it.
func bench(b *testing.B, bindings int) (*verifytest.World, *lookup.Directory) {
	b.Helper()
	db := storetest.Open(b, storetest.SQLite(b), append([]string{"keyring", "lookup", "discovery"}, verifytest.Owners...))
	w := verifytest.New(b, db)
	ring := keyringtest.Open(b, db, w.Vault, w.Clock.Now, keyring.Association)
	d, err := lookup.New(b.Context(), lookup.Options{DB: db, Vault: w.Vault, Proofs: w.Verifier,
		Signer: &keys.Server{Name: "id.example.org", Ring: ring}, Now: w.Clock.Now})
	if err != nil {
		b.Fatal(err)
	}
	for i := range bindings {
		bindOne(b, w, d, i)
	}
	b.ResetTimer()
	return w, d
}

func prove(b *testing.B, w *verifytest.World, i int) (verify.Proof, matrix.UserID) {
	b.Helper()
	user := matrix.UserID(fmt.Sprintf("@user%d:example.org", i))
	address, err := threepid.ParseEmail(fmt.Sprintf("user%d@example.org", i))
	if err != nil {
		b.Fatal(err)
	}
	_, proof := w.Prove(b, address, verify.Account(user), "secret")
	return proof, user
}

func bindOne(b *testing.B, w *verifytest.World, d *lookup.Directory, i int) {
	b.Helper()
	proof, user := prove(b, w, i)
	if _, err := d.Bind(context.Background(), proof, user); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("hashes=%d", n), func(b *testing.B) {
			_, d := bench(b, 1000)
			pepper := d.Details().Pepper
			hashes := make([]string, n)
			for i := range hashes {
				hashes[i] = clientHash(fmt.Sprintf("user%d@example.org", i*3), "email", pepper) // a third is bound
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Lookup(b.Context(), lookup.Question{Algorithm: lookup.SHA256, Pepper: pepper, Addresses: hashes}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBind is the bind alone, of addresses that were proven before.
func BenchmarkBind(b *testing.B) {
	w, d := bench(b, 0)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		proof, user := prove(b, w, i)
		b.StartTimer()
		if _, err := d.Bind(b.Context(), proof, user); err != nil {
			b.Fatal(err)
		}
	}
}
