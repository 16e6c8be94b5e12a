package sync_test

import (
	"fmt"
	"os"
	"slices"
	stdsync "sync"
	"syscall"
	"testing"
	"time"

	"signet/internal/homeserver/room"
	"signet/internal/homeserver/sync"
	"signet/internal/matrix"
	"signet/internal/store/storetest"
)

// eachEngine measures on SQLite, and on PostgreSQL where there is one.
func eachEngine(b *testing.B, measure func(b *testing.B, w *world)) {
	urls := map[string]func(testing.TB) string{"sqlite": storetest.SQLite}
	if os.Getenv(storetest.PostgresURL) != "" {
		urls["postgres"] = storetest.PostgreSQL
	}
	for engine, url := range urls {
		b.Run(engine, func(b *testing.B) { measure(b, open(b, storetest.Open(b, url(b), owners))) })
	}
}

// attics makes rooms of Alice's with 8 events of state and 20 messages of 500 octets.
func (w *world) attics(n int) {
	for i := range n {
		id := w.create(room.Creation{Preset: room.PrivateChat, Name: fmt.Sprint("Attic ", i), Topic: "Boxes"})
		for range 20 {
			w.say(id, alice, fmt.Sprintf("%0500d", i))
		}
	}
}

// cpuTime is how long the process has computed: as long however busy the machine is.
func cpuTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// The first answer of a client in 100 rooms: warm, and of a server that has just started.
func BenchmarkInitial(b *testing.B) {
	eachEngine(b, func(b *testing.B, w *world) {
		w.attics(100)
		w.want("rooms", len(w.phone(alice).sync().Rooms.Join), 100)
		request := sync.Request{User: alice, Device: "PHONE", Filter: `{"room":{"timeline":{"limit":20}}}`}
		initial := func(b *testing.B, w *world) {
			text, err := w.ask(b.Context(), request)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(text)))
		}
		b.Run("warm", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				initial(b, w)
			}
		})
		b.Run("cold", func(b *testing.B) {
			b.ReportAllocs()
			var spent time.Duration
			var statements int64
			for b.Loop() {
				b.StopTimer()
				w := open(b, w.db)
				begun, before := cpuTime(b), w.db.Statements()
				b.StartTimer()
				initial(b, w)
				b.StopTimer()
				spent += cpuTime(b) - begun
				statements += w.db.Statements() - before
				b.StartTimer()
			}
			b.ReportMetric(float64(spent.Microseconds())/1000/float64(b.N), "cpu-ms/op")
			b.ReportMetric(float64(statements)/float64(b.N), "statements/op")
		})
	})
}

// One message to 200 who wait for it, until all have it; 20 a second are asked for.
func BenchmarkFanOut(b *testing.B) {
	const receivers = 200
	eachEngine(b, func(b *testing.B, w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		var users []matrix.UserID
		for i := range receivers {
			users = append(users, matrix.UserID(fmt.Sprintf("@u%03d:hs.test", i)))
		}
		w.join(id, users...)
		phones := make([]*phone, receivers)
		for i, user := range users {
			phones[i] = w.phone(user).with(lazily)
			phones[i].sync()
			phones[i].Timeout = time.Minute
		}
		var mu stdsync.Mutex // guards took
		var took []time.Duration
		b.ResetTimer()
		for n := range b.N {
			var receiving stdsync.WaitGroup
			begun := make(chan time.Time, 1)
			for _, p := range phones {
				receiving.Go(func() {
					text, err := w.ask(b.Context(), p.Request)
					end := time.Now()
					if err != nil {
						b.Error(err)
						return
					}
					p.Since = nextBatch(text)
					start := <-begun
					begun <- start
					mu.Lock()
					took = append(took, end.Sub(start))
					mu.Unlock()
				})
			}
			begun <- time.Now()
			w.say(id, alice, fmt.Sprintf("%0500d", n))
			receiving.Wait()
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	})
}

// nextBatch is the token of an answer, without reading the rest.
func nextBatch(text []byte) string {
	rest := text[len(`{"next_batch":"`):]
	return string(rest[:slices.Index(rest, '"')])
}
