package room_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"signet/internal/homeserver/room"
	"signet/internal/matrix"
	"signet/internal/store/storetest"
)

// benchWorld is a server on SQLite, or on the PostgreSQL of the tests.
func benchWorld(b *testing.B, engine string) *world {
	url := storetest.SQLite(b)
	if engine == "postgres" {
		url = storetest.PostgreSQL(b)
	}
	return open(b, storetest.Open(b, url, []string{"stream", "room"}), 0)
}

// Messages of 700 octets with transaction ids, in one room, from senders who each wait for
// the last one.
func BenchmarkSend(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		for _, senders := range []int{1, 8} {
			b.Run(fmt.Sprintf("%s/%d", engine, senders), func(b *testing.B) { benchmarkSend(b, benchWorld(b, engine), senders) })
		}
	}
}

func benchmarkSend(b *testing.B, w *world, senders int) {
	id := w.create(room.Creation{Preset: room.PublicChat})
	var users []matrix.UserID
	for i := range senders {
		users = append(users, matrix.UserID(fmt.Sprintf("@user%d:hs.test", i)))
	}
	w.join(id, users...)
	text := fmt.Sprintf("%0500d", 7)
	var next atomic.Int64
	var all sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for _, user := range users {
		all.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				s := message(id, user, text)
				s.Transaction = room.Transaction{Device: "PHONE", ID: fmt.Sprint(n)}
				if _, err := w.rooms.Send(b.Context(), s); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

func BenchmarkCreate(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			w := benchWorld(b, engine)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				w.create(room.Creation{Name: "Attic", Topic: "Boxes"})
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rooms/s")
		})
	}
}

// Everybody in ten rooms of a thousand, as the directory of people reads them once.
func BenchmarkEachMember(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			w := benchWorld(b, engine)
			var rooms []string
			for range 10 {
				rooms = append(rooms, w.create(room.Creation{Preset: room.PublicChat}))
			}
			var all sync.WaitGroup
			for _, id := range rooms {
				all.Go(func() {
					for i := range 999 {
						w.join(id, matrix.UserID(fmt.Sprintf("@user%d:hs.test", i)))
					}
				})
			}
			all.Wait()
			members := 0
			for b.Loop() {
				members = 0
				w.ok(w.rooms.EachMember(b.Context(), nil, func(room.Member) { members++ }))
			}
			if members != 10_000 {
				b.Errorf("%d members are read, want 10,000", members)
			}
		})
	}
}
