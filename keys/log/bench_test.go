package log_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/keys/log"
)

func eachEngine(b *testing.B, run func(b *testing.B, w *world)) {
	b.Run("sqlite", func(b *testing.B) {
		run(b, newWorld(b, storetest.Open(b, storetest.SQLite(b), []string{"log"})))
	})
	b.Run("postgres", func(b *testing.B) {
		if os.Getenv(storetest.PostgresURL) == "" {
			b.Skip(storetest.PostgresURL + " names no server")
		}
		run(b, newWorld(b, storetest.Open(b, storetest.PostgreSQL(b), []string{"log"})))
	})
}

// endless has always as many entries of 65 octets ready as it is asked for, and marks none.
type endless struct{ next int }

func (s *endless) Next(_ context.Context, limit int) (b log.Batch, err error) {
	for range limit {
		b.Entries = append(b.Entries, fmt.Appendf(nil, "INSERT %058d", s.next))
		s.next++
	}
	b.Logged = func(context.Context, *store.Tx, int64) error { return nil }
	return b, nil
}

// BenchmarkSeal appends, signs and publishes batches, durably.
func BenchmarkSeal(b *testing.B) {
	for _, batch := range []int{1, 1000, 5000} {
		b.Run(fmt.Sprintf("entries=%d", batch), func(b *testing.B) {
			eachEngine(b, func(b *testing.B, w *world) {
				o := w.options()
				o.Source, o.Limit = &endless{}, batch
				w.log = w.openWith(o)
				w.seal()
				sealed := int64(0)
				for b.Loop() {
					sealed += w.seal()
				}
				b.ReportMetric(float64(sealed)/b.Elapsed().Seconds(), "entries/s")
			})
		})
	}
}

// full is a log of 100,000 entries.
func full(w *world) int64 {
	o := w.options()
	o.Source, o.Limit = &endless{}, 5000
	w.log = w.openWith(o)
	for range 20 {
		w.seal()
	}
	return w.checkpoint().N
}

func BenchmarkTile(b *testing.B) {
	for name, level := range map[string]int{"hashes": 0, "entries": -1} {
		b.Run(name, func(b *testing.B) {
			eachEngine(b, func(b *testing.B, w *world) {
				tiles := full(w) / 256
				b.ReportAllocs()
				for n := int64(0); b.Loop(); n++ {
					if _, err := w.log.Tile(b.Context(), tlog.Tile{H: 8, L: level, N: n % tiles, W: 256}); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

func BenchmarkProveRecord(b *testing.B) {
	eachEngine(b, func(b *testing.B, w *world) {
		size := full(w)
		b.ReportAllocs()
		for n := int64(0); b.Loop(); n++ {
			if _, err := w.log.ProveRecord(b.Context(), size, n*7919%size); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkCheckpoint(b *testing.B) {
	eachEngine(b, func(b *testing.B, w *world) {
		w.seal()
		b.ReportAllocs()
		for b.Loop() {
			w.checkpoint()
		}
	})
}

func BenchmarkFileGuard(b *testing.B) {
	g := log.NewFileGuard(b.TempDir()+"/signed", origin)
	for n := int64(1); b.Loop(); n++ {
		if err := g.Signed(b.Context(), tlog.Tree{N: n}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParsePath(b *testing.B) {
	for b.Loop() {
		if _, err := log.ParsePath("tile/entries/x001/x234/067.p/12"); err != nil {
			b.Fatal(err)
		}
	}
}
