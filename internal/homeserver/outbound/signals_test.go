package outbound_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"signet/internal/homeserver/outbound"
	"signet/internal/homeserver/receipt"
	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// inRoom has one other server in each room, and one of a name that none has.
type inRoom struct{}

func (inRoom) OtherServers(_ context.Context, id string) ([]matrix.ServerName, error) {
	if id != "!a" {
		return nil, errors.New("no such room")
	}
	return []matrix.ServerName{one, "UPPER"}, nil
}

// Who is typing is told, and that they go on now and then; when they stop it is told once,
// and of people elsewhere nothing.
func TestTypingIsTold(t *testing.T) {
	each(t, func(w *world) {
		s := outbound.NewSignals(w.Outbound, inRoom{}, "us.test")
		var sent []string
		w.others.answers(one, func(t remote.Transaction) error {
			for _, e := range t.EDUs {
				sent = append(sent, e.Type+string(e.Content))
			}
			return nil
		})
		want := func(when string, typing bool, user matrix.UserID, want string) {
			t.Helper()
			s.Type(t.Context(), "!a", user, typing)
			w.settle()
			got := ""
			for _, e := range sent {
				got += e
			}
			sent = nil
			if got != want {
				t.Errorf("%s: sent %q, want %q", when, got, want)
			}
		}
		want("stops before it began", false, "@a:us.test", "")
		want("begins", true, "@a:us.test", `m.typing{"room_id":"!a","user_id":"@a:us.test","typing":true}`)
		want("goes on", true, "@a:us.test", "")
		w.clock.Advance(20 * time.Second)
		want("goes on for long", true, "@a:us.test", `m.typing{"room_id":"!a","user_id":"@a:us.test","typing":true}`)
		want("stops", false, "@a:us.test", `m.typing{"room_id":"!a","user_id":"@a:us.test","typing":false}`)
		want("stops again", false, "@a:us.test", "")
		want("somebody elsewhere", true, "@a:one.test", "")
		s.Type(t.Context(), "!unknown", "@a:us.test", true)
	})
}

// A receipt is told with its thread, and a newer one takes its place.
func TestReceiptsAreTold(t *testing.T) {
	each(t, func(w *world) {
		s := outbound.NewSignals(w.Outbound, inRoom{}, "us.test")
		w.others.dies(one, true)
		w.event("!a", "$1", one)
		w.settle()
		for _, r := range []receipt.Receipt{{EventID: "$1"}, {EventID: "$2"}, {EventID: "$3", Thread: "$t"}} {
			r.Room, r.User, r.Kind = "!a", "@a:us.test", receipt.Read
			to, err := s.Told(t.Context(), r.Room, r.User)
			if err != nil {
				t.Fatal(err)
			}
			w.commit(func(tx *store.Tx, _ stream.Pos) error {
				return s.QueueReceipt(t.Context(), tx, to, r, time.UnixMilli(7))
			})
		}
		sent := ""
		w.others.answers(one, func(t remote.Transaction) error {
			for _, e := range t.EDUs {
				sent += e.Type + string(e.Content)
			}
			return nil
		})
		w.pass(time.Hour)
		want := `m.receipt{"!a":{"m.read":{"@a:us.test":{"event_ids":["$2"],"data":{"ts":7}}}}}m.receipt{"!a":{"m.read":{"@a:us.test":{"event_ids":["$3"],"data":{"ts":7,"thread_id":"$t"}}}}}`
		if sent != want {
			t.Errorf("sent %s, want %s", sent, want)
		}
		if to, err := s.Told(t.Context(), "!a", "@b:one.test"); err != nil || to != nil {
			t.Errorf("of somebody elsewhere %v, %v are told", to, err)
		}
	})
}
