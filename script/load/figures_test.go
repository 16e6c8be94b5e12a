package main

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	upTo := func(n int) (values []time.Duration) {
		for i := range n {
			values = append(values, time.Duration(i+1))
		}
		return values
	}
	for _, c := range []struct{ n, p, want int }{
		{0, 50, 0}, {1, 50, 1}, {1, 99, 1}, {2, 50, 1}, {2, 99, 2}, {3, 50, 2},
		{100, 50, 50}, {100, 99, 99}, {101, 99, 100}, {1000, 99, 990}, {1000, 100, 1000}, {1000, 0, 1},
	} {
		if got := percentile(upTo(c.n), c.p); got != time.Duration(c.want) {
			t.Errorf("percentile(1 to %d, %d) = %d, want %d", c.n, c.p, got, c.want)
		}
	}
}

// Of whatever was taken, in whatever order, p percent do not exceed the percentile, and
// fewer do not exceed anything smaller.
func TestFiguresOfDisorder(t *testing.T) {
	for n := 1; n < 300; n++ {
		s := sample{elapsed: 2 * time.Second, server: time.Second, own: 500 * time.Millisecond, others: 250 * time.Millisecond, residentKB: 7}
		for range n {
			s.took = append(s.took, rand.N(50*time.Microsecond))
		}
		f := s.figures()
		if f.rate != float64(n)/2 || f.server != 0.5 || f.client != 0.25 || f.others != 0.125 || f.residentKB != 7 || f.each != time.Second/time.Duration(n) {
			t.Fatalf("figures of %d exchanges in two seconds = %+v", n, f)
		}
		for _, c := range []struct {
			p   int
			got time.Duration
		}{{50, f.p50}, {99, f.p99}} {
			var within, below int
			for _, took := range s.took {
				if took <= c.got {
					within++
				}
				if took < c.got {
					below++
				}
			}
			if within*100 < c.p*n || below*100 >= c.p*n {
				t.Fatalf("percentile %d of %d is %v: %d are within, %d below", c.p, n, c.got, within, below)
			}
		}
	}
}

func TestMedians(t *testing.T) {
	run := func(rate float64, p50, p99 time.Duration, kb int) figures {
		return figures{rate: rate, p50: p50, p99: p99, each: 3 * p50, server: rate / 8, client: rate / 64, others: rate / 4, residentKB: kb}
	}
	for _, c := range []struct {
		name string
		runs []figures
		want figures
	}{
		{"of none", nil, figures{}},
		{"of one", []figures{run(5, 1, 2, 3)}, run(5, 1, 2, 3)},
		{"of three, each figure by itself", []figures{run(1, 30, 5, 9), run(30, 20, 6, 7), run(20, 10, 4, 8)}, run(20, 20, 5, 8)},
		{"of two, between them", []figures{run(10, 10, 30, 4), run(20, 20, 40, 6)}, run(15, 15, 35, 5)},
	} {
		if got := medians(c.runs); got != c.want {
			t.Errorf("%s: medians = %+v, want %+v", c.name, got, c.want)
		}
	}
}
