package quota_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/internal/quota"
	"signet/internal/seal/sealtest"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// tally is what became of many requests at once.
type tally struct{ runs, failed atomic.Int64 }

// request is a charge of a budget that all share, and of two that it has to itself, in a
// transaction that writes something else as well.
func (t *tally) request(ctx context.Context, q *quota.Quota, own string) error {
	r, err := q.Reserve(ctx, one("email.network", ""), one("email.account", own), one("email.destination", own))
	if err != nil {
		return err
	}
	defer r.Release()
	err = q.DB.Tx(ctx, func(tx *store.Tx) error {
		t.runs.Add(1)
		if err := r.ChargeIn(ctx, tx); err != nil {
			return err
		}
		for i := range 8 { // as much as a request has to write
			if _, err := tx.Exec(ctx, `INSERT INTO requests (id) VALUES ($1)`, fmt.Sprint(own, " ", i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		r.Keep()
	}
	return err
}

// rush is 64 workers with 8 requests each, one after another.
func (t *tally) rush(ctx context.Context, name string, replicas ...*quota.Quota) (last error) {
	var workers sync.WaitGroup
	var mu sync.Mutex
	for i := range 64 {
		workers.Go(func() {
			for j := range 8 {
				if err := t.request(ctx, replicas[i%len(replicas)], fmt.Sprint(name, " ", i, " ", j)); err != nil {
					t.failed.Add(1)
					mu.Lock()
					last = err
					mu.Unlock()
				}
			}
		})
	}
	workers.Wait()
	return last
}

func createRequests(t testing.TB, db *store.DB) {
	t.Helper()
	if _, err := db.Exec(t.Context(), `CREATE TABLE requests (id TEXT NOT NULL PRIMARY KEY)`); err != nil {
		t.Fatal(err)
	}
}

// What 512 requests cost on PostgreSQL that share one exact subject: how often a
// transaction ran again, and how many failed, of each 512.
func BenchmarkRivals(b *testing.B) {
	if os.Getenv(storetest.PostgresURL) == "" {
		return
	}
	url := storetest.PostgreSQL(b)
	db := storetest.Open(b, url, []string{"seal", "quota"})
	createRequests(b, db)
	vault := sealtest.Vault(b, db, time.Now)
	var replicas []*quota.Quota
	for range 3 { // of 20 connections each
		q, err := quota.New(b.Context(), quota.Options{DB: storetest.Open(b, url, nil), Vault: vault, Now: time.Now, Budgets: budgets})
		if err != nil {
			b.Fatal(err)
		}
		replicas = append(replicas, q)
	}
	var all tally
	rushes := 0
	for b.Loop() {
		rushes++
		if err := all.rush(b.Context(), fmt.Sprint(rushes), replicas...); err != nil {
			b.Log(err)
		}
		if err := replicas[0].Refund(b.Context(), quota.Charge{Budget: "email.network", N: 512}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(all.runs.Load())/float64(rushes)-512, "conflicts/op")
	b.ReportMetric(float64(all.failed.Load())/float64(rushes), "failures/op")
}
