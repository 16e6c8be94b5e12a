package e2ee_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// to is one message.
func to(user matrix.UserID, id e2ee.DeviceID, content string) e2ee.Messages {
	return e2ee.Messages{user: {id: raw(content)}}
}

func (w *world) send(p e2ee.Device, txn string, m e2ee.Messages) {
	w.Helper()
	if err := w.Send(w.Context(), e2ee.Sending{Sender: p, Type: "m.test", TxnID: txn, Messages: m}); err != nil {
		w.Fatalf("sending %s: %v", txn, err)
	}
}

// changes is what is new for a device.
func (w *world) changes(d e2ee.Device, since e2ee.Since) e2ee.Changes {
	w.Helper()
	c, err := w.Changes(w.Context(), d, since, w.stream.Visible())
	if err != nil {
		w.Fatal(err)
	}
	return c
}

// texts are the contents of messages, in their order.
func texts(messages []e2ee.Message) string {
	var all []string
	for _, m := range messages {
		all = append(all, string(m.Content))
	}
	return strings.Join(all, " ")
}

// phones are Alice's phone, from which messages come, and Bob's two devices.
func (w *world) phones() (from, laptop, tablet e2ee.Device) {
	return device(w.phone(alice, "PHONE")), device(w.phone(bob, "LAPTOP")), device(w.phone(bob, "TABLET"))
}

func TestAMessageArrivesOnce(t *testing.T) {
	each(t, func(w *world) {
		from, laptop, tablet := w.phones()
		w.send(from, "1", to(bob, "LAPTOP", `{"n":1}`))
		first := w.changes(laptop, e2ee.Since{})
		if texts(first.Messages) != `{"n":1}` || first.Messages[0].Sender != alice || first.Messages[0].Type != "m.test" {
			w.Errorf("messages = %+v", first.Messages)
		}
		if got := w.changes(tablet, e2ee.Since{}); len(got.Messages) != 0 {
			w.Errorf("the other device has %s", texts(got.Messages))
		}
		// The answer was lost, so the client asks again, as often as it likes.
		for range 3 {
			if again := w.changes(laptop, e2ee.Since{}); texts(again.Messages) != `{"n":1}` {
				w.Errorf("again = %s", texts(again.Messages))
			}
		}
		w.send(from, "2", to(bob, "LAPTOP", `{"n":2}`))
		second := w.changes(laptop, e2ee.Since{Pos: first.Delivered, Messages: first.Delivered})
		if texts(second.Messages) != `{"n":2}` || w.count(`SELECT COUNT(*) FROM e2ee_to_device`) != 1 {
			w.Errorf("then = %s, with %d stored", texts(second.Messages), w.count(`SELECT COUNT(*) FROM e2ee_to_device`))
		}
		w.changes(laptop, e2ee.Since{Pos: second.Delivered, Messages: second.Delivered})
		if n := w.count(`SELECT COUNT(*) FROM e2ee_to_device`); n != 0 {
			w.Errorf("%d messages are kept that have arrived", n)
		}
	})
}

// More than one answer holds come in several, in order, and what was not in the last one
// is not taken for delivered, whatever else its token stands for.
func TestManyMessages(t *testing.T) {
	each(t, func(w *world) {
		from, laptop, _ := w.phones()
		for i := range 250 {
			w.send(from, fmt.Sprint(i), to(bob, "LAPTOP", fmt.Sprintf(`{"n":%d}`, i)))
		}
		var since e2ee.Since
		next := 0
		for round, want := range []int{100, 100, 50, 0} {
			visible := w.stream.Visible()
			c := w.changes(laptop, since)
			if len(c.Messages) != want || (c.Delivered == visible) != (want < 100) {
				w.Fatalf("round %d brings %d up to %d of %d, want %d", round, len(c.Messages), c.Delivered, visible, want)
			}
			for _, m := range c.Messages {
				if string(m.Content) != fmt.Sprintf(`{"n":%d}`, next) {
					w.Fatalf("round %d has %s where %d is next", round, m.Content, next)
				}
				next++
			}
			since = e2ee.Since{Pos: visible, Messages: c.Delivered}
		}
		if n := w.count(`SELECT COUNT(*) FROM e2ee_to_device`); n != 0 {
			w.Errorf("%d messages are kept", n)
		}
	})
}

// A message that is stored after the answer was cut belongs to the next one.
func TestWhatComesAfterTheCut(t *testing.T) {
	each(t, func(w *world) {
		from, laptop, _ := w.phones()
		w.send(from, "1", to(bob, "LAPTOP", `{"n":1}`))
		cut := w.stream.Visible()
		w.send(from, "2", to(bob, "LAPTOP", `{"n":2}`))
		c, err := w.Changes(w.Context(), laptop, e2ee.Since{}, cut)
		if err != nil || texts(c.Messages) != `{"n":1}` || c.Delivered != cut {
			w.Errorf("before the cut = %s up to %d, %v", texts(c.Messages), c.Delivered, err)
		}
		if next := w.changes(laptop, e2ee.Since{Pos: cut, Messages: c.Delivered}); texts(next.Messages) != `{"n":2}` {
			w.Errorf("after it = %s", texts(next.Messages))
		}
	})
}

func TestToAllDevices(t *testing.T) {
	each(t, func(w *world) {
		from, laptop, tablet := w.phones()
		w.send(from, "1", e2ee.Messages{bob: {e2ee.AllDevices: raw(`{"to":"all"}`), "TABLET": raw(`{"to":"tablet"}`), "MISSING": raw(`{}`)}, unknownOne: {e2ee.AllDevices: raw(`{}`)}})
		for d, want := range map[e2ee.Device]string{laptop: `{"to":"all"}`, tablet: `{"to":"tablet"}`, from: ""} {
			if got := texts(w.changes(d, e2ee.Since{}).Messages); got != want {
				w.Errorf("%s has %s, want %s", d.ID, got, want)
			}
		}
		if n := w.count(`SELECT COUNT(*) FROM e2ee_to_device`); n != 2 {
			w.Errorf("%d messages are kept, want 2: nothing for devices that are not there", n)
		}
	})
}

// A message for all devices of a user is stored once for each, and no request makes more of it
// than one that names them could, nor much of a few octets.
func TestToVeryManyDevices(t *testing.T) {
	each(t, func(w *world) {
		for i := range 2001 {
			w.phone(alice, fmt.Sprint("M", i))
		}
		for i := range 40 {
			w.phone(bob, fmt.Sprint("L", i))
		}
		from := e2ee.Device{User: carol, ID: "X"}
		large := raw(`{"x":"` + strings.Repeat("x", 64<<10-10) + `"}`)
		for name, m := range map[string]e2ee.Messages{
			"devices": {alice: {e2ee.AllDevices: raw(`{}`)}},
			"octets":  {bob: {e2ee.AllDevices: large}},
		} {
			for range 2 {
				if err := w.Send(w.Context(), e2ee.Sending{Sender: from, Type: "t", TxnID: name, Messages: m}); !errors.Is(err, e2ee.ErrTooMany) {
					w.Errorf("to too many %s = %v, want %v", name, err, e2ee.ErrTooMany)
				}
			}
		}
		if n := w.count(`SELECT COUNT(*) FROM e2ee_to_device`) + w.count(`SELECT COUNT(*) FROM e2ee_transactions`); n != 0 {
			w.Errorf("%d rows were written", n)
		}
		w.send(from, "octets", e2ee.Messages{bob: {e2ee.AllDevices: raw(`{}`)}})
	})
}

// What is kept for devices its sender must afford: each copy here, and what goes elsewhere.
func TestMessagesHaveTheirPrice(t *testing.T) {
	each(t, func(w *world) {
		from, _, _ := w.phones()
		m := e2ee.Messages{bob: {e2ee.AllDevices: raw(`{"x":1}`)}, dave: {"TABLET": raw(`{"elsewhere":2}`)}}
		dear, octets := errors.New("too dear"), 0
		for _, want := range []error{dear, nil} {
			err := w.Send(w.Context(), e2ee.Sending{Sender: from, Type: "t", TxnID: "1", Messages: m, Afford: func(n int) error { octets = n; return want }})
			if !errors.Is(err, want) || octets != 2*7+15 {
				w.Errorf("sending %d octets = %v, want 29 and %v", octets, err, want)
			}
			if n := w.count(`SELECT COUNT(*) FROM e2ee_to_device`); (n == 2) != (want == nil) {
				w.Errorf("%d messages are kept after %v", n, err)
			}
		}
	})
}

// Room keys go to all devices of a room at once.
func TestToManyDevices(t *testing.T) {
	each(t, func(w *world) {
		m := e2ee.Messages{alice: {}, bob: {}}
		for i := range 50 {
			for _, user := range []matrix.UserID{alice, bob} {
				id := fmt.Sprintf("%d", i)
				w.phone(user, id)
				m[user][e2ee.DeviceID(id)] = raw(fmt.Sprintf(`{"to":"%s %d"}`, user, i))
			}
		}
		w.send(e2ee.Device{User: carol, ID: "X"}, "1", m)
		for i := range 50 {
			for _, user := range []matrix.UserID{alice, bob} {
				got := texts(w.changes(e2ee.Device{User: user, ID: e2ee.DeviceID(fmt.Sprint(i))}, e2ee.Since{}).Messages)
				if want := fmt.Sprintf(`{"to":"%s %d"}`, user, i); got != want {
					w.Errorf("device %d of %s has %s", i, user, got)
				}
			}
		}
	})
}

// A request that is repeated, also at the same moment, sends nothing more. It is known by
// its device and its type, for a day.
func TestATransactionIsDoneOnce(t *testing.T) {
	each(t, func(w *world) {
		from, laptop, tablet := w.phones()
		var failed atomic.Int64
		crowd(20, func(int) {
			if w.Send(w.Context(), e2ee.Sending{Sender: from, Type: "m.test", TxnID: "1", Messages: to(bob, "LAPTOP", `{"n":1}`)}) != nil {
				failed.Add(1)
			}
		})
		if got := texts(w.changes(laptop, e2ee.Since{}).Messages); got != `{"n":1}` || failed.Load() != 0 {
			w.Errorf("20 times the same = %s, %d failed", got, failed.Load())
		}
		w.send(tablet, "1", to(bob, "LAPTOP", `{"n":2}`)) // of another device
		if err := w.Send(w.Context(), e2ee.Sending{Sender: from, Type: "m.other", TxnID: "1", Messages: to(bob, "LAPTOP", `{"n":3}`)}); err != nil {
			w.Fatal(err)
		}
		w.clock.Advance(24*time.Hour + time.Millisecond)
		if err := w.Sweep(w.Context()); err != nil {
			w.Fatal(err)
		}
		w.send(from, "1", to(bob, "LAPTOP", `{"n":4}`))
		if got := texts(w.changes(laptop, e2ee.Since{}).Messages); got != `{"n":1} {"n":2} {"n":3} {"n":4}` {
			w.Errorf("messages = %s", got)
		}
		if n := w.count(`SELECT COUNT(*) FROM e2ee_transactions`); n != 1 {
			w.Errorf("%d transactions are remembered, want the last", n)
		}
	})
}

// Many old transactions are forgotten, some at a time, and none that may be repeated yet.
func TestOldTransactionsAreForgotten(t *testing.T) {
	each(t, func(w *world) {
		old := w.clock.Now().Add(-25 * time.Hour).UnixMilli()
		if _, err := w.db.Exec(w.Context(), `INSERT INTO e2ee_transactions (sender, device_id, type, txn_id, done_ms)
			WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
			SELECT '@alice:hs.test', 'PHONE', 't', 'old' || i, CAST($1 AS BIGINT) + i FROM n`, old); err != nil {
			w.Fatal(err)
		}
		w.send(e2ee.Device{User: alice, ID: "PHONE"}, "new", e2ee.Messages{})
		if err := w.Sweep(w.Context()); err != nil {
			w.Fatal(err)
		}
		if n := w.count(`SELECT COUNT(*) FROM e2ee_transactions`); n != 1 || w.count(`SELECT COUNT(*) FROM e2ee_transactions WHERE txn_id = 'new'`) != 1 {
			w.Errorf("%d transactions are remembered, want the new one", n)
		}
	})
}

func TestMessagesThatAreRefused(t *testing.T) {
	each(t, func(w *world) {
		from, _, _ := w.phones()
		long, many := strings.Repeat("x", 256), e2ee.Messages{bob: {}}
		for i := range 2001 {
			many[bob][e2ee.DeviceID(fmt.Sprint(i))] = raw(`{}`)
		}
		good := to(bob, "LAPTOP", `{}`)
		for _, test := range []struct {
			name string
			e2ee.Sending
			want error
		}{
			{"no type", e2ee.Sending{TxnID: "1", Messages: good}, e2ee.ErrID},
			{"a long type", e2ee.Sending{Type: long, TxnID: "1", Messages: good}, e2ee.ErrID},
			{"a long transaction id", e2ee.Sending{Type: "t", TxnID: long, Messages: good}, e2ee.ErrID},
			{"NUL in the type", e2ee.Sending{Type: "a\x00", TxnID: "1", Messages: good}, e2ee.ErrID},
			{"bad UTF-8", e2ee.Sending{Type: "a\xff", TxnID: "1", Messages: good}, e2ee.ErrID},
			{"not a user", e2ee.Sending{Type: "t", TxnID: "1", Messages: to("bob", "LAPTOP", `{}`)}, e2ee.ErrID},
			{"no device", e2ee.Sending{Type: "t", TxnID: "1", Messages: to(bob, "", `{}`)}, e2ee.ErrID},
			{"a list", e2ee.Sending{Type: "t", TxnID: "1", Messages: to(bob, "LAPTOP", `[]`)}, e2ee.ErrContent},
			{"a text", e2ee.Sending{Type: "t", TxnID: "1", Messages: to(bob, "LAPTOP", `"x"`)}, e2ee.ErrContent},
			{"null", e2ee.Sending{Type: "t", TxnID: "1", Messages: to(bob, "LAPTOP", `null`)}, e2ee.ErrContent},
			{"nothing", e2ee.Sending{Type: "t", TxnID: "1", Messages: e2ee.Messages{bob: {"LAPTOP": nil}}}, e2ee.ErrContent},
			{"too large", e2ee.Sending{Type: "t", TxnID: "1", Messages: to(bob, "LAPTOP", `{"x":"`+strings.Repeat("x", 64<<10)+`"}`)}, e2ee.ErrContent},
			{"good beside bad", e2ee.Sending{Type: "t", TxnID: "1", Messages: e2ee.Messages{bob: {"LAPTOP": raw(`{}`), "TABLET": raw(`1`)}}}, e2ee.ErrContent},
			{"too many", e2ee.Sending{Type: "t", TxnID: "1", Messages: many}, e2ee.ErrTooMany},
		} {
			test.Sender = from
			w.unchanged(test.name, func() {
				if err := w.Send(w.Context(), test.Sending); !errors.Is(err, test.want) {
					w.Errorf("%s: Send = %v, want %v", test.name, err, test.want)
				}
			})
		}
	})
}

// While senders send and the device reads, what it reads has no gap and no repetition.
func TestReadingWhileOthersSend(t *testing.T) {
	const senders, sent = 4, 30
	each(t, func(w *world) {
		_, laptop, _ := w.phones()
		got := map[string]int{}
		crowd(senders+1, func(i int) {
			if i < senders {
				p := e2ee.Device{User: alice, ID: "PHONE"}
				for n := range sent {
					w.send(p, fmt.Sprintf("%d-%d", i, n), to(bob, "LAPTOP", fmt.Sprintf(`{"n":"%d-%d"}`, i, n)))
				}
				return
			}
			var since e2ee.Since
			for len(got) < senders*sent {
				visible := w.stream.Visible()
				c, err := w.Changes(w.Context(), laptop, since, visible)
				if err != nil {
					w.Error(err)
					return
				}
				for _, m := range c.Messages {
					got[string(m.Content)]++
				}
				since = e2ee.Since{Pos: visible, Messages: c.Delivered}
			}
		})
		for text, n := range got {
			if n != 1 {
				w.Errorf("%s arrived %d times", text, n)
			}
		}
	})
}

// Whom a client elsewhere must be reached through is collected, a message for each server.
func TestMessagesElsewhere(t *testing.T) {
	each(t, func(w *world) {
		from, _, _ := w.phones()
		m := e2ee.Messages{dave: {"TABLET": raw(`{"n":1}`)}, "@erin:elsewhere.test": {"*": raw(`{"n":2}`)}, "@frank:far.test": {"X": raw(`{"n":3}`)}, bob: {"LAPTOP": raw(`{}`)}}
		w.send(from, "1", m)
		w.send(from, "1", m)
		if len(w.land.queued) != 2 {
			t.Fatalf("queued %v, want one for each server", w.land.queued)
		}
		for i, want := range []string{
			`"messages":{"@dave:elsewhere.test":{"TABLET":{"n":1}},"@erin:elsewhere.test":{"*":{"n":2}}}`,
			`"messages":{"@frank:far.test":{"X":{"n":3}}}`,
		} {
			q := w.land.queued[i]
			if text := string(q.edu.Content); q.edu.Type != e2ee.EDUDirectToDevice || !strings.Contains(text, want) ||
				!strings.Contains(text, `"sender":"@alice:hs.test","type":"m.test"`) {
				w.Errorf("to %s: %s %s, want %s", q.to, q.edu.Type, text, want)
			}
		}
	})
}

func TestChangesForSync(t *testing.T) {
	each(t, func(w *world) {
		p := w.ready(alice, "PHONE", 3)
		w.upload(p, e2ee.Upload{Fallback: p.Fallback("F")})
		initial := w.changes(device(p), e2ee.Since{})
		if len(initial.Lists.Changed) != 0 || initial.OneTimeCounts["signed_curve25519"] != 3 || len(initial.UnusedFallbacks) != 1 || initial.Delivered != w.stream.Visible() {
			w.Errorf("the first answer = %+v", initial)
		}
		since := e2ee.Since{Pos: w.stream.Visible(), Messages: initial.Delivered}
		w.ready(bob, "LAPTOP", 1)
		if next := w.changes(device(p), since); len(next.Lists.Changed) != 1 || next.Lists.Changed[0] != bob {
			w.Errorf("the next answer = %+v", next)
		}
		none := w.changes(e2ee.Device{User: carol, ID: "NEW"}, e2ee.Since{Pos: stream.Pos(1)})
		if none.OneTimeCounts == nil || none.UnusedFallbacks == nil || len(none.Messages) != 0 {
			w.Errorf("of a device without keys = %+v", none)
		}
	})
}

// Contents are passed on as they are, whatever they hold.
func TestContentsAreUntouched(t *testing.T) {
	each(t, func(w *world) {
		from, laptop, _ := w.phones()
		content := `{"é":"\u0000","n":1.50,"deep":[[[{}]]],"big":123456789012345678901234567890}`
		w.send(from, "1", e2ee.Messages{bob: {"LAPTOP": jsontext.Value(content)}})
		if got := texts(w.changes(laptop, e2ee.Since{}).Messages); got != content {
			w.Errorf("got %s, want %s", got, content)
		}
	})
}
