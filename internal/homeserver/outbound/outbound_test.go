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

// A server that is dead is tried ever more rarely, up to once an hour, and gets everything
// when it is back.
func TestBackOff(t *testing.T) {
	each(t, func(w *world) {
		w.others.dies(one, true)
		w.event("!a", "$1", one)
		w.settle()
		w.want("at first", one, "[($1)]")
		if !w.Down(one) || w.Down(two) {
			t.Errorf("Down = %t, of another %t", w.Down(one), w.Down(two))
		}
		wait := 5 * time.Second
		for i := range 14 {
			w.pass(wait - time.Millisecond)
			w.want(fmt.Sprintf("just before attempt %d", i+2), one, "")
			if i == 3 {
				w.event("!a", "$2", one)
				w.pass(0)
				w.want("with more to send", one, "")
			}
			w.pass(time.Millisecond)
			if got := w.others.got(one); got != "[($1)]" {
				t.Errorf("attempt %d after %s sends %q", i+2, wait, got)
			}
			wait = min(2*wait, time.Hour)
		}
		if ids := slices.Compact(slices.Clone(w.others.transactions(one))); len(ids) != 1 {
			t.Errorf("what is sent again has the ids %v", ids)
		}
		w.others.dies(one, false)
		w.pass(time.Hour)
		w.want("when it is back", one, "[$1][$2]")
		if w.Down(one) {
			t.Error("it counts as down when it is back")
		}
		w.others.dies(one, true)
		w.event("!a", "$3", one)
		w.settle()
		w.want("when it is away again", one, "[($3)]")
		w.pass(5 * time.Second)
		w.want("after the shortest wait again", one, "[($3)]")
	})
}

// Who sends us something is tried at once, but not each time.
func TestAServerIsHeardOf(t *testing.T) {
	each(t, func(w *world) {
		w.others.dies(one, true)
		w.event("!a", "$1", one)
		w.settle()
		for range 5 {
			w.pass(time.Hour)
		}
		w.others.got(one)
		w.Heard(one)
		w.settle()
		w.want("heard of", one, "[($1)]")
		w.Heard(one)
		w.settle()
		w.want("heard of at once again", one, "")
		w.others.dies(one, false)
		w.clock.Advance(time.Minute)
		w.Heard(one)
		w.Heard(two)
		w.settle()
		if got := w.others.got(one); !strings.HasSuffix(got, "[$1]") {
			t.Errorf("heard of later, it got %q", got)
		}
	})
}

// A kill between the commit and the sending loses nothing; nor does one while a transaction
// is under way, which is sent again.
func TestKilled(t *testing.T) {
	each(t, func(w *world) {
		release := w.others.hangs(one)
		defer release()
		w.event("!a", "$1", one)
		w.underWay(one)
		w.event("!a", "$2", one)
		w.edu("", "m.x", one)
		w.event("!a", "$3", two)
		w.kill()
		w.others.got(one)
		w.others.got(two)
		release()
		w.start()
		w.settle()
		w.want("before the spread is over", one, "")
		w.pass(2 * time.Minute)
		if got := w.others.got(one); got != "[$1 $2 m.x]" {
			t.Errorf("after the kill one got %q", got)
		}
		if n := w.rows(); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// After a start nobody waits to whom somebody writes, or who is heard of.
func TestAfterAStart(t *testing.T) {
	each(t, func(w *world) {
		for _, name := range []matrix.ServerName{one, two, "three.test"} {
			defer w.others.hangs(name)()
			w.event("!a", "$1", name)
			w.underWay(name)
		}
		w.kill()
		w.others.hang = map[matrix.ServerName]chan struct{}{}
		for _, name := range []matrix.ServerName{one, two} {
			w.others.got(name)
		}
		w.start()
		w.event("!a", "$2", one)
		w.Heard(two)
		w.settle()
		w.want("written to", one, "[$1 $2]")
		w.want("heard of", two, "[$1]")
		w.others.got("three.test")
		w.pass(2*time.Minute - time.Millisecond)
		w.want("left alone", "three.test", "")
		w.pass(time.Millisecond)
		w.want("when it is its turn", "three.test", "[$1]")
	})
}

// A restart is no reason to forget who is dead.
func TestBackOffOutlivesARestart(t *testing.T) {
	each(t, func(w *world) {
		w.others.dies(one, true)
		w.event("!a", "$1", one)
		w.settle()
		for range 10 {
			w.pass(time.Hour)
		}
		w.others.got(one)
		w.kill()
		w.start()
		w.pass(30 * time.Minute)
		w.want("half an hour after a restart", one, "")
		w.pass(30 * time.Minute)
		w.want("an hour after it", one, "[($1)]")
	})
}

// However many servers hang, those that are well get what is for them.
func TestTheDeadHoldUpNobody(t *testing.T) {
	each(t, func(w *world) {
		w.event("!a", "$0", one, two)
		w.settle()
		w.others.got(one)
		w.others.got(two)
		to := []matrix.ServerName{}
		for i := range 300 {
			name := matrix.ServerName(fmt.Sprintf("dead%d.test", i))
			defer w.others.hangs(name)()
			to = append(to, name)
		}
		defer w.others.hangs(two)()
		w.event("!a", "$1", append(to, one, two)...)
		for w.others.got(one) == "" {
			time.Sleep(time.Millisecond)
		}
		w.event("!a", "$2", one)
		for w.others.got(one) == "" {
			time.Sleep(time.Millisecond)
		}
		w.others.mu.Lock()
		under := 0
		for _, name := range to {
			under += w.others.under[name]
		}
		w.others.mu.Unlock()
		if under > 64 {
			t.Errorf("%d dead servers are tried at the same time", under)
		}
		w.kill()
	})
}

// After an outage a server gets the newest event of each room, and asks for the others if it
// wants them.
func TestALongOutage(t *testing.T) {
	each(t, func(w *world) {
		w.others.dies(one, true)
		for i := range 60 {
			w.event(fmt.Sprintf("!%d", i%3), fmt.Sprintf("$%d", i), one)
		}
		w.commit(func(tx *store.Tx, pos stream.Pos) error {
			return w.QueueEvents(t.Context(), tx, []room.Dispatch{{Room: "!0", EventID: "$i", Pos: pos, Invites: one}})
		})
		w.edu("", "m.x", one)
		w.settle()
		w.others.dies(one, false)
		w.others.got(one)
		w.pass(time.Hour)
		w.want("after an outage", one, "[$57 $58 $59 m.x][invited to !0 of version 11 by $i]")
		if n := w.rows(); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// What a server says it cannot take does not hold up the rest for ever.
func TestWhatAServerCannotTake(t *testing.T) {
	each(t, func(w *world) {
		w.others.answers(one, func(t remote.Transaction) error {
			if slices.ContainsFunc(t.PDUs, func(p jsontext.Value) bool { return string(p) == `"$2"` }) {
				return remote.Error{Status: 400, Errcode: "M_BAD_JSON"}
			}
			return nil
		})
		w.commit(func(tx *store.Tx, pos stream.Pos) error {
			var all []room.Dispatch
			for i := range 4 {
				all = append(all, room.Dispatch{Room: "!a", EventID: fmt.Sprintf("$%d", i), Pos: pos - stream.Pos(10-i), To: []matrix.ServerName{one}})
			}
			return w.QueueEvents(t.Context(), tx, all)
		})
		w.settle()
		w.want("at first", one, "[($0 $1 $2 $3)]")
		w.pass(time.Hour)
		w.want("one at a time", one, "[$0][($1 $2 $3)]")
		w.pass(time.Hour)
		w.want("again", one, "[$1][($2 $3)]")
		w.pass(time.Hour)
		w.want("the one", one, "[($2)]")
		w.pass(time.Hour)
		w.want("afterwards", one, "[$3]")
		w.others.answers(one, func(remote.Transaction) error { return remote.Error{Status: 429, RetryAfter: 30 * time.Minute} })
		w.event("!a", "$5", one)
		w.settle()
		w.pass(30*time.Minute - time.Millisecond)
		w.want("told to wait", one, "[($5)]")
		w.pass(time.Millisecond)
		w.want("having waited", one, "[($5)]")
	})
}

// Invitations are brought one by one, in their turn; one that is refused, or holds no more,
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
		w.others.answers(one, func(remote.Transaction) error { return remote.Error{Status: 403, Errcode: "M_FORBIDDEN"} })
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
				return w.Queue(t.Context(), tx, one, e2ee.EDU{Type: kind, Content: jsontext.Value(content)})
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
