package outbox_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"signet/internal/clocktest"
	"signet/internal/outbox"
	"signet/internal/seal/sealtest"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// Eight requesters put messages that leave at once, as fast as they can.
func BenchmarkPutAndAttempt(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { putAndAttempt(b, storetest.SQLite(b)) })
	if os.Getenv(storetest.PostgresURL) != "" {
		b.Run("postgres", func(b *testing.B) { putAndAttempt(b, storetest.PostgreSQL(b)) })
	}
}

func putAndAttempt(b *testing.B, url string) {
	db, clock := storetest.Open(b, url, []string{"seal", "outbox"}), clocktest.New()
	o, err := outbox.New(b.Context(), outbox.Options{DB: db, Vault: sealtest.Vault(b, db, clock.Now), Now: clock.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	o.Handle(outbox.Kind{Name: "mail", Slots: 32, Attempt: func(context.Context, outbox.Job) error { return nil }})
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() { ended <- o.Run(ctx) }()
	var keys atomic.Int64
	b.SetParallelism((8 + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			key := fmt.Sprint(keys.Add(1))
			var t outbox.Ticket
			err := db.Tx(b.Context(), func(tx *store.Tx) (err error) {
				t, err = o.Put(b.Context(), tx, outbox.Work{Kind: "mail", Key: key, Payload: make([]byte, 500), Expires: clock.Now().Add(time.Hour), Held: true})
				return err
			})
			if err != nil {
				b.Error(err)
			} else if err := o.Attempt(b.Context(), t); err != nil {
				b.Error(err)
			}
		}
	})
	stop()
	if err := <-ended; err != nil {
		b.Error(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}
