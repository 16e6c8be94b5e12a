package lookup_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/internal/threepid"
	"signet/lookup"
)

// BenchmarkRotation looks up one hash after the other, first in quiet times and then while
// the hashes of the next epoch are made. BINDINGS is how many there are (200,000).
func BenchmarkRotation(b *testing.B) {
	n := 200_000
	if text := os.Getenv("BINDINGS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	w, d := bench(b, 0)
	for first := 0; first < n; first += 1000 {
		var batch []lookup.Moved
		for i := first; i < min(n, first+1000); i++ {
			batch = append(batch, movedUser(b, i))
		}
		if _, err := d.Move(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	quiet := p99(b, d, n, func() bool { return false })
	for b.Loop() {
		w.Clock.Advance(d.UntilNextEpoch() - lookup.Lead/2)
		made := make(chan error, 1)
		began := time.Now()
		go func() { made <- lookup.Tend(d, b.Context()) }()
		rotating := p99(b, d, n, func() bool { return len(made) == 0 })
		if err := <-made; err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s-made")
		b.ReportMetric(float64(quiet.Microseconds()), "µs-p99-quiet")
		b.ReportMetric(float64(rotating.Microseconds()), "µs-p99-rotating")
		w.Clock.Advance(lookup.Lead + lookup.Afterlife)
	}
}

// p99 is within what time 99 of 100 look-ups are answered, of some or as long as there are
// more.
func p99(b *testing.B, d *lookup.Directory, n int, more func() bool) time.Duration {
	b.Helper()
	pepper := d.Details().Pepper
	var took []time.Duration
	for i := 0; i < 20_000 || more(); i++ {
		hash := clientHash(fmt.Sprintf("user%d@example.org", i*7919%n), "email", pepper)
		began := time.Now()
		answer, err := d.Lookup(b.Context(), ask(lookup.SHA256, pepper, []string{hash}))
		took = append(took, time.Since(began))
		if err != nil || len(answer.Users) != 1 {
			b.Fatalf("look-up %d = %v, %v", i, answer, err)
		}
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}

func movedUser(b *testing.B, i int) lookup.Moved {
	b.Helper()
	address, err := threepid.ParseEmail(fmt.Sprintf("user%d@example.org", i))
	if err != nil {
		b.Fatal(err)
	}
	return lookup.Moved{Address: address, User: matrix.UserID(fmt.Sprintf("@user%d:example.org", i)), Bound: time.UnixMilli(1)}
}
