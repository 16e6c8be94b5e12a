package audit_test

import (
	"fmt"
	"runtime"
	"testing"

	"signet/keys/audit"
	"signet/keys/audit/audittest"
)

// ofSize is a log of at least that many entries, in epochs of that many INSERTs.
func ofSize(b *testing.B, entries, inserts int) (*audittest.Log, audittest.Site) {
	l := audittest.New(b, origin)
	for len(l.Entries) < entries {
		l.Epoch(inserts)
	}
	return l, l.Publish()
}

// BenchmarkAudit reads a log from its first entry on, over HTTP on the same machine.
func BenchmarkAudit(b *testing.B) {
	for _, c := range []struct{ entries, inserts int }{{1_000_000, 1000}, {100_000, 1}} {
		l, site := ofSize(b, c.entries, c.inserts)
		l.Entries = nil
		b.Run(fmt.Sprintf("entries=%d/inserts=%d", c.entries, c.inserts), func(b *testing.B) {
			source := serve(b, site)
			var a *audit.Auditor
			var read int64
			for b.Loop() {
				a = auditorOf(l, source)
				read += holds(b, a).N
			}
			b.ReportMetric(float64(read)/b.Elapsed().Seconds(), "entries/s")
			runtime.GC()
			var with, without runtime.MemStats
			runtime.ReadMemStats(&with)
			million := float64(a.Seen().N) / 1e6
			runtime.KeepAlive(a)
			a = nil
			runtime.GC()
			runtime.ReadMemStats(&without)
			b.ReportMetric((float64(with.HeapAlloc)-float64(without.HeapAlloc))/(1<<20)/million, "MiB/million")
		})
	}
}
