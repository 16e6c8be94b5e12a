package notary_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"signet/internal/clocktest"
	"signet/internal/fedclient"
	"signet/internal/keyring"
	"signet/internal/keyring/keyringtest"
	"signet/internal/matrix"
	"signet/internal/seal/sealtest"
	"signet/internal/serverkeys/serverkeystest"
	"signet/internal/store/storetest"
	"signet/keys/notary"
)

// anybody plays every server, with a document that is valid for a day.
type anybody struct {
	testing.TB
	now func() time.Time
}

func (a anybody) Do(_ context.Context, r fedclient.Request) (fedclient.Response, error) {
	d := serverkeystest.Doc{Server: r.Server, Until: a.now().Add(day), Keys: []matrix.SigningKey{k1}}
	return fedclient.Response{Status: 200, Body: d.JSON(a)}, nil
}

// BenchmarkQuery is for servers that are known, out of 1,000, and for servers that have to be
// asked, which answer at once; on SQLite, and PostgreSQL if there is one.
func BenchmarkQuery(b *testing.B) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.PostgreSQL} {
		b.Run(name, func(b *testing.B) {
			db, clock := storetest.Open(b, url(b), []string{"seal", "keyring", "notary"}), clocktest.New()
			ring := keyringtest.Open(b, db, sealtest.Vault(b, db, clock.Now), clock.Now, keyring.Federation)
			n := notary.New(notary.Options{DB: db, Federation: anybody{b, clock.Now}, Keys: ring, Name: us, Now: clock.Now})
			next := 0
			ask := func(b *testing.B, from, servers int) {
				b.Helper()
				q := notary.Query{Servers: map[matrix.ServerName]notary.Wanted{}}
				for i := range servers {
					q.Servers[matrix.ServerName(fmt.Sprintf("hs%d.example", from+i))] = notary.Wanted{}
				}
				answer, err := n.Query(b.Context(), q)
				if err == nil {
					answer.Release()
				}
				if err != nil || len(answer.Objects) != servers {
					b.Fatalf("%d documents, %v", len(answer.Objects), err)
				}
			}
			for ; next < 1000; next += 100 {
				ask(b, next, 100)
			}
			for _, servers := range []int{1, 100} {
				b.Run(fmt.Sprintf("known=%d", servers), func(b *testing.B) {
					for b.Loop() {
						ask(b, 0, servers)
					}
				})
			}
			b.Run("new=1", func(b *testing.B) {
				for b.Loop() {
					ask(b, next, 1)
					next++
				}
			})
		})
	}
}
