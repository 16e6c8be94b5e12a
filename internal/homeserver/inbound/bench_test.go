package inbound_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"syscall"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/inbound"
	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
	"signet/internal/store/storetest"
)

// prepared is a server that has its answer to a join at hand.
type prepared struct {
	*peer
	joined remote.Joined
}

func (p prepared) SendJoin(_ context.Context, _ matrix.ServerName, _ matrix.RoomID, _ string, pdu jsontext.Value) (remote.Joined, error) {
	j := p.joined
	j.Event = pdu
	return j, nil
}

// A room of 3,000 members of another server is brought here.
func BenchmarkJoin(b *testing.B) {
	const members = 3000
	far := open(b, storetest.Open(b, storetest.SQLite(b), owners), "far.test")
	id := far.create(event.V12, erin)
	far.fill(id, members)
	r, err := far.rooms.Room(id)
	far.ok(err)
	last := far.say(id, erin, "now")
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			var spent int64
			for b.Loop() {
				b.StopTimer()
				url := storetest.SQLite(b)
				if engine == "postgres" {
					url = storetest.PostgreSQL(b)
				}
				here := open(b, storetest.Open(b, url, owners), "here.test")
				here.far.server, far.far.server = far, here
				p := prepared{peer: here.far}
				p.joined.State, p.joined.AuthChain, err = p.stateBefore(b.Context(), r, last)
				here.ok(err)
				in := inbound.New(inbound.Options{Log: slog.New(slog.DiscardHandler), DB: here.db, Rooms: here.rooms, Remote: p, Keys: here.keys, ServerName: "here.test",
					Signer: func(context.Context) (event.Signer, error) { return here.signer, nil }, Now: here.clock.Now})
				before := cpu()
				b.StartTimer()
				here.ok(in.Join(b.Context(), wish(id, "far.test")))
				b.StopTimer()
				spent += cpu() - before
				b.StartTimer()
			}
			b.ReportMetric(float64(spent)/1e6/float64(b.N), "cpu-ms/op")
		})
	}
}

// cpu is how long this process has worked, in nanoseconds.
func cpu() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

// fill lets members into a room, some at a time.
func (s *server) fill(id string, members int) {
	s.Helper()
	var all sync.WaitGroup
	next := make(chan int)
	for range 16 {
		all.Go(func() {
			for i := range next {
				user := matrix.UserID(fmt.Sprintf("@user%d:%s", i, s.name))
				if err := s.rooms.Join(s.Context(), room.Membership{Room: id, Sender: user}); err != nil {
					s.Error(err)
				}
			}
		})
	}
	for i := range members {
		next <- i
	}
	close(next)
	all.Wait()
}
