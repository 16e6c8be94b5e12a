package proof_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"testing"

	"signet/keys/entry"
	. "signet/keys/proof"
)

// million is a log of a million versions of others' labels, with alice's and bob's, and a
// head that was seen before the last of them. Nobody looks at the others, so they are not
// made by the VRF.
var million = sync.OnceValues(func() (*world, int64) {
	w := newWorld(crowd{})
	w.witnesses = nil
	random := rand.New(rand.NewPCG(1, 2))
	others := func(n int) {
		for range n {
			var i entry.Insert
			for at := 0; at < len(i.Index); at += 8 {
				binary.BigEndian.PutUint64(i.Index[at:], random.Uint64())
			}
			i.Commitment = entry.Commitment(i.Index)
			w.pending = append(w.pending, i.Append(nil))
		}
	}
	others(990_000)
	w.seal()
	seen := w.head().N
	others(10_000)
	w.publish(alice, w.person(alice, "a0", ""))
	for range 10 {
		w.publish(bob, w.person(bob, "b0", ""))
	}
	w.seal()
	return w, seen
})

// crowd is the TB of a world that outlives a benchmark.
type crowd struct{ testing.TB }

func (crowd) Helper()           {}
func (crowd) Fatal(args ...any) { panic(args) }

// BenchmarkVerify is of whole answers about a log of a million entries, from their JSON.
func BenchmarkVerify(b *testing.B) {
	w, seen := million()
	head := w.headAt(seen)
	p := w.policy()
	p.Needed = 0
	for name, label := range map[string]string{"OneVersion": alice, "TenVersions": bob, "Absent": nobody} {
		b.Run(name, func(b *testing.B) {
			text := marshal(b, w.lookup(label, 0))
			updated := marshal(b, w.lookup(label, seen))
			asked := Asked{Label: label, Head: &head}
			for b.Loop() {
				l, err := Parse(updated)
				if err == nil {
					_, err = Verify(l, asked, p, w.now)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(text)), "octets")
			b.ReportMetric(float64(zipped(b, text)), "zipped-octets")
			b.ReportMetric(float64(len(updated)), "octets-with-consistency")
		})
	}
}

// zipped is the length of an answer as HTTP carries it to those who take gzip.
func zipped(b *testing.B, text []byte) int {
	var z bytes.Buffer
	g := gzip.NewWriter(&z)
	if _, err := g.Write(text); err != nil {
		b.Fatal(err)
	}
	if err := g.Close(); err != nil {
		b.Fatal(err)
	}
	return z.Len()
}
