package outbound_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/fedclient"
	"signet/internal/homeserver/outbound"
	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

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

// After a start nobody waits to whom somebody writes, or who is heard of; the others wait for
// a time that is short where they are few, 20 ms for each.
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
		w.pass(60*time.Millisecond - 1)
		w.want("left alone", "three.test", "")
		w.pass(1)
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
				return fedclient.Refusal{Status: 400, Errcode: "M_BAD_JSON"}
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
		w.others.answers(one, func(remote.Transaction) error { return fedclient.Refusal{Status: 429, RetryAfter: 30 * time.Minute} })
		w.event("!a", "$5", one)
		w.settle()
		w.pass(30*time.Minute - time.Millisecond)
		w.want("told to wait", one, "[($5)]")
		w.pass(time.Millisecond)
		w.want("having waited", one, "[($5)]")
	})
}

// Invitations are brought one by one, in their turn; one that is refused, or holds no more,

// What waits is counted, and for how long; who is away, and who is being sent to.
func TestStatus(t *testing.T) {
	each(t, func(w *world) {
		begin := w.clock.Now()
		status := func(when string, want outbound.Status) {
			t.Helper()
			got, err := w.Status(t.Context())
			if err != nil || got.Events != want.Events || got.EDUs != want.EDUs || !got.Oldest.Equal(want.Oldest) || got.Away != want.Away || got.Sending != want.Sending {
				t.Errorf("%s: Status = %+v, %v, want %+v", when, got, err, want)
			}
		}
		status("at first", outbound.Status{})
		w.others.dies(one, true)
		w.edu("a", "m.test", one)
		w.settle()
		status("with a message", outbound.Status{EDUs: 1, Oldest: begin, Away: 1})
		w.clock.Advance(time.Second)
		release := w.others.hangs(two)
		w.event("!a", "$1", one, two)
		w.underWay(two)
		status("with events", outbound.Status{Events: 2, EDUs: 1, Oldest: begin, Away: 1, Sending: 1})
		release()
		w.settle()
		w.others.dies(one, false)
		w.pass(time.Hour)
		status("in the end", outbound.Status{})
	})
}
