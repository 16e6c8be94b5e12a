package event_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"signet/internal/homeserver/event"
)

// typical is a message of the size that was measured elsewhere, about 700 octets.
func typical(v event.Version) event.Proto {
	p := message(v)
	p.Content = []byte(`{"body":"` + strings.Repeat("hello ", 30) + `","msgtype":"m.text"}`)
	return p
}

func BenchmarkBuild(b *testing.B) {
	for _, v := range []event.Version{event.V6, event.V11, event.V12} {
		p := typical(v)
		b.Run("version"+v.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Build(p, ours); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("library"+v.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = buildThere(b, v, p).EventID()
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	v := event.V11
	remote := build(b, v, typical(v)).JSON()
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Parse(remote); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			pdu, err := library(v).NewEventFromUntrustedJSON(remote)
			if err != nil {
				b.Fatal(err)
			}
			_ = pdu.EventID()
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	v := event.V11
	e := build(b, v, typical(v))
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Load(e.ID(), e.JSON(), false); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := library(v).NewEventFromTrustedJSONWithEventID(e.ID(), e.JSON(), false); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	v := event.V11
	e := build(b, v, typical(v))
	pdu, err := library(v).NewEventFromUntrustedJSON(e.JSON())
	if err != nil {
		b.Fatal(err)
	}
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := e.Verify(keys); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := verifySignature(pdu); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkAuthEvents(b *testing.B) {
	e := build(b, event.V11, typical(event.V11))
	b.ReportAllocs()
	for b.Loop() {
		e.AuthEvents()
	}
}

// BenchmarkMemory reports what a member event costs beside its JSON.
func BenchmarkMemory(b *testing.B) {
	v := event.V11
	e := build(b, v, state(v, "m.room.member", "@bob:x.org", `{"avatar_url":"mxc://x.org/aaaaaaaaaaaaaaaaaaaaaaaa","displayname":"Bob","membership":"join"}`))
	const n = 10000
	for b.Loop() {
		stored := make([][]byte, n)
		loaded := make([]*event.Event, n)
		for i := range stored {
			stored[i] = append([]byte(nil), e.JSON()...)
		}
		before := heap()
		for i := range loaded {
			loaded[i], _ = v.Load(fmt.Sprint(e.ID()), stored[i], false)
		}
		b.ReportMetric(float64(heap()-before)/n, "B/event")
		b.ReportMetric(float64(len(e.JSON())), "B/JSON")
		runtime.KeepAlive(stored)
		runtime.KeepAlive(loaded)
	}
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
