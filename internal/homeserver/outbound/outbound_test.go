package outbound_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/fedclient"
	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

const (
	one matrix.ServerName = "one.test"
	two matrix.ServerName = "two.test"
)

// What is queued comes to each server once, in order, and nothing is left.
func TestWhatIsQueuedIsSent(t *testing.T) {
	each(t, func(w *world) {
		w.event("!a", "$1", one, two)
		w.edu("", "m.x", one)
		w.settle()
		w.want("the first things", two, "[$1]")
		if got := w.others.got(one); got != "[$1][m.x]" && got != "[$1 m.x]" {
			t.Errorf("one got %q", got)
		}
		w.event("!a", "$2", one)
		w.settle()
		w.want("another", one, "[$2]")
		w.want("another", two, "")
		if n := w.rows(); n != 0 {
			t.Errorf("%d rows are left", n)
		}
		ids := w.others.transactions(one)
		if slices.Sort(ids); len(slices.Compact(ids)) != len(w.others.transactions(one)) {
			t.Errorf("transactions have the ids %v", ids)
		}
	})
}

// An operation that is undone sends nothing.
func TestWhatIsNotStoredIsNotSent(t *testing.T) {
	each(t, func(w *world) {
		_, err := w.stream.Commit(t.Context(), nil, func(tx *store.Tx, pos stream.Pos) error {
			if err := w.QueueEvents(t.Context(), tx, []room.Dispatch{{Room: "!a", EventID: "$1", Pos: pos, To: []matrix.ServerName{one}}}); err != nil {
				return err
			}
			return errTest
		})
		if !errors.Is(err, errTest) {
			t.Fatal(err)
		}
		w.settle()
		w.want("after it was undone", one, "")
	})
}

// Transactions are no longer than they may be, and one follows the other.
func TestTransactionsAreBounded(t *testing.T) {
	each(t, func(w *world) {
		release := w.others.hangs(one)
		w.event("!a", "$first", one)
		w.underWay(one)
		for range 120 {
			w.event("!a", "$e", one)
			w.edu("", "m.x", one)
		}
		for range 5 {
			w.edu("", "m.y", one)
		}
		release()
		w.settle()
		first := "[" + strings.Repeat("$e ", 50) + strings.TrimSuffix(strings.Repeat("m.x ", 100), " ") + "]"
		second := "[" + strings.Repeat("$e ", 50) + strings.Repeat("m.x ", 20) + "m.y m.y m.y m.y m.y]"
		third := "[" + strings.TrimSuffix(strings.Repeat("$e ", 20), " ") + "]"
		w.want("a backlog", one, "[$first]"+first+second+third)
		if w.others.overlaps != 0 {
			t.Errorf("%d transactions were under way at the same time as another", w.others.overlaps)
		}
	})
}

// is given up.
func TestInvitations(t *testing.T) {
	each(t, func(w *world) {
		invite := func(roomID, id string) {
			w.commit(func(tx *store.Tx, pos stream.Pos) error {
				return w.QueueEvents(t.Context(), tx, []room.Dispatch{{Room: roomID, EventID: id, Pos: pos, Invites: one}})
			})
		}
		release := w.others.hangs(one)
		w.event("!b", "$1", one)
		w.event("!b", "$2", one)
		invite("!a", "$i")
		invite("!gone", "$j")
		w.event("!b", "$3", one)
		release()
		w.settle()
		if got := w.others.got(one); !strings.HasSuffix(got, "$2][invited to !a of version 11 by $i][$3]") {
			t.Errorf("one got %q", got)
		}
		w.others.answers(one, func(remote.Transaction) error { return errDead })
		invite("!a", "$k")
		w.settle()
		w.want("away", one, "[(invited to !a of version 11 by $k)]")
		w.others.answers(one, func(remote.Transaction) error { return fedclient.Refusal{Status: 403, Errcode: "M_FORBIDDEN"} })
		w.pass(time.Hour)
		w.want("refusing", one, "[(invited to !a of version 11 by $k)]")
		w.pass(time.Hour)
		w.want("having refused", one, "")
	})
}

// Of what changes one after the other the last counts, and it comes last.
func TestTopics(t *testing.T) {
	each(t, func(w *world) {
		w.others.dies(one, true)
		w.settle()
		queue := func(kind, content string) {
			w.commit(func(tx *store.Tx, _ stream.Pos) error {
				return w.Queue(t.Context(), tx, []matrix.ServerName{one}, e2ee.EDU{Type: kind, Content: jsontext.Value(content)})
			})
		}
		queue(e2ee.EDUDeviceListUpdate, `{"user_id":"@a:x","device_id":"A","stream_id":1}`)
		queue(e2ee.EDUDeviceListUpdate, `{"user_id":"@a:x","device_id":"B","stream_id":2}`)
		queue(e2ee.EDUDirectToDevice, `{"message_id":"1"}`)
		queue(e2ee.EDUDirectToDevice, `{"message_id":"1"}`)
		queue(e2ee.EDUDeviceListUpdate, `{"user_id":"@a:x","device_id":"A","stream_id":3}`)
		queue(e2ee.EDUSigningKeyUpdate, `{"user_id":"@a:x"}`)
		w.settle()
		w.others.got(one)
		var sent []string
		w.others.answers(one, func(t remote.Transaction) error {
			for _, e := range t.EDUs {
				sent = append(sent, e.Type+string(e.Content))
			}
			return nil
		})
		w.pass(time.Hour)
		want := []string{`m.device_list_update{"user_id":"@a:x","device_id":"B","stream_id":2}`, `m.direct_to_device{"message_id":"1"}`,
			`m.direct_to_device{"message_id":"1"}`, `m.device_list_update{"user_id":"@a:x","device_id":"A","stream_id":3}`, `m.signing_key_update{"user_id":"@a:x"}`}
		if i := len(sent) - len(want); i < 0 || !slices.Equal(sent[i:], want) {
			t.Errorf("sent %q, want %q at the end", sent, want)
		}
	})
}

// What is not worth storing reaches those who are there, the newest of it, and nobody later.
func TestWhatPasses(t *testing.T) {
	each(t, func(w *world) {
		release := w.others.hangs(one)
		w.event("!a", "$1", one)
		w.underWay(one)
		for _, kind := range []string{"m.old", "m.new"} {
			w.Pass([]matrix.ServerName{one, two}, "typing", remote.EDU{Type: kind, Content: jsontext.Value(`{}`)})
		}
		release()
		w.settle()
		w.want("passing", one, "[$1][m.new]")
		if got := w.others.got(two); got != "[m.new]" && got != "[m.old][m.new]" {
			t.Errorf("two got %q", got)
		}
		if n := w.rows(); n != 0 {
			t.Errorf("%d rows", n)
		}
		w.others.dies(one, true)
		w.Pass([]matrix.ServerName{one}, "typing", remote.EDU{Type: "m.lost", Content: jsontext.Value(`{}`)})
		w.settle()
		w.want("when it is away", one, "[(m.lost)]")
		w.Pass([]matrix.ServerName{one}, "typing", remote.EDU{Type: "m.lost2", Content: jsontext.Value(`{}`)})
		w.others.dies(one, false)
		w.event("!a", "$2", one)
		w.pass(time.Hour)
		w.want("when it is back", one, "[$2]")
	})
}

// News that was lost with a failing batch is found again.
func TestWhatWasOverlooked(t *testing.T) {
	each(t, func(w *world) {
		w.others.dies(one, true)
		w.event("!a", "$1", one)
		w.settle()
		w.others.got(one)
		w.others.dies(one, false)
		w.Overlooked(one)
		w.pass(10 * time.Second)
		w.want("overlooked", one, "")
		w.clock.Advance(5 * time.Minute)
		for w.rows() > 0 { // it is not queued until somebody looks
			w.settle()
		}
		w.want("found", one, "[$1]")
	})
}

// An event that is gone meanwhile is forgotten; names that no server has are not queued;
// what waits for a month is given up.
func TestWhatIsNotSent(t *testing.T) {
	each(t, func(w *world) {
		w.event("!a", "$purged", one, "no server", "UPPER.test")
		w.settle()
		w.want("an event that is gone", one, "")
		if n := w.rows(); n != 0 {
			t.Errorf("%d rows are left", n)
		}
		w.others.dies(one, true)
		w.event("!a", "$1", one)
		w.edu("", "m.x", one)
		w.settle()
		w.clock.Advance(30 * 24 * time.Hour)
		if err := w.Sweep(t.Context()); err != nil || w.rows() != 2 {
			t.Errorf("after a month Sweep = %v, and %d rows", err, w.rows())
		}
		w.clock.Advance(time.Millisecond)
		if err := w.Sweep(t.Context()); err != nil || w.rows() != 0 {
			t.Errorf("after more than a month Sweep = %v, and %d rows", err, w.rows())
		}
	})
}

// Events that are stored already are passed on.
func TestRelay(t *testing.T) {
	each(t, func(w *world) {
		if err := w.Relay(t.Context(), room.Dispatch{Room: "!a", EventID: "$1", Pos: math.MaxInt32, To: []matrix.ServerName{one}}); err != nil {
			t.Fatal(err)
		}
		w.settle()
		w.want("relayed", one, "[$1]")
	})
}

// A room with many servers is sent to all of them, and what they are told replaces what they
// were told before.
func TestManyServers(t *testing.T) {
	each(t, func(w *world) {
		var to []matrix.ServerName
		for i := range 107 {
			to = append(to, matrix.ServerName(fmt.Sprintf("s%d.test", i)))
			w.others.dies(to[i], true)
		}
		w.event("!a", "$1", append(to, to[0])...)
		w.edu("topic", "m.old", append(to, to[0])...)
		w.edu("topic", "m.new", to...)
		if n := w.rows(); n != 2*len(to) {
			t.Errorf("%d rows for %d servers, want two each", n, len(to))
		}
		w.settle()
		for _, name := range to {
			w.others.dies(name, false)
			w.others.got(name)
		}
		w.pass(time.Hour)
		w.pass(time.Hour)
		for _, name := range to {
			if got := w.others.got(name); !strings.Contains(got, "m.new") || strings.Contains(got, "m.old") {
				t.Errorf("%s got %q", name, got)
			}
		}
		if n := w.rows(); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// Of what waits for a server that is away for long the oldest is given up.
func TestNotEverythingWaits(t *testing.T) {
	each(t, func(w *world) {
		w.others.dies(one, true)
		w.commit(func(tx *store.Tx, _ stream.Pos) error {
			for i := range 250 {
				kind := "m.old"
				if i >= 50 {
					kind = "m.x"
				}
				if err := w.QueueEDU(t.Context(), tx, []matrix.ServerName{one}, "", remote.EDU{Type: kind, Content: jsontext.Value(`{}`)}); err != nil {
					return err
				}
			}
			return nil
		})
		w.settle()
		w.others.got(one)
		w.pass(time.Hour)
		if n := w.rows(); n != 200 {
			t.Errorf("%d wait, want 200", n)
		}
		w.others.dies(one, false)
		w.pass(time.Hour)
		if got := w.others.got(one); strings.Count(got, "m.x") != 300 || strings.HasSuffix(got, "m.old]") || w.rows() != 0 {
			t.Errorf("%d came of what waited, and %d are left: %s", strings.Count(got, "m.x"), w.rows(), got)
		}
	})
}
