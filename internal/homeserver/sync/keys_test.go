package sync_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/e2ee/e2eetest"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// send sends so many messages to Bob's phone, numbered from first.
func (w *world) send(first, n int) {
	w.Helper()
	for i := first; i < first+n; i++ {
		w.ok(w.keys.Send(w.Context(), e2ee.Sending{Sender: e2ee.Device{User: alice, ID: "PHONE"}, Type: "note", TxnID: fmt.Sprint(i),
			Messages: e2ee.Messages{bob: {"PHONE": jsontext.Value(fmt.Sprintf(`{"n":%d}`, i))}}}))
	}
}

func notes(first, n int) []string {
	list := []string{}
	for i := first; i < first+n; i++ {
		list = append(list, fmt.Sprintf("note=%d", i))
	}
	return list
}

// A message is told until the client proves that it has it, then never again; also where
// the server is killed in between, and however many there are.
func TestMessagesToADevice(t *testing.T) {
	each(t, func(w *world) {
		p := w.phone(bob)
		p.sync()
		answers := p.waiting(t.Context())
		w.send(0, 1)
		w.want("who waits", (<-answers).ToDevice.short(), notes(0, 1))
		w.send(1, 249)
		for range 2 {
			w.want("an answer that does not arrive", p.look().ToDevice.short(), notes(0, 100))
		}
		w.want("first", p.sync().ToDevice.short(), notes(0, 100))
		token, err := stream.ParseToken(p.next)
		w.ok(err)
		if token.Messages >= token.Pos {
			t.Errorf("the token is %s, though messages are left", p.next)
		}
		w = open(t, w.db) // killed and started
		p.w = w
		w.want("then", p.look().ToDevice.short(), notes(100, 100))
		p.sync()
		w.send(250, 1)
		w.want("at last", p.sync().ToDevice.short(), notes(200, 51))
		w.wantNothing("then", p.sync())
		w.want("from the beginning", w.phone(bob).look().ToDevice.short(), []string{})
		w.send(300, 1)
		tablet := w.phone(bob)
		tablet.Device = "TABLET"
		w.want("another device", tablet.look().ToDevice.short(), []string{})
	})
}

func TestKeysThatAreLeft(t *testing.T) {
	each(t, func(w *world) {
		keys := e2eetest.NewPhone(bob, "PHONE")
		upload := func(from, n int) {
			_, err := w.keys.Upload(t.Context(), e2ee.Device{User: bob, ID: "PHONE"}, e2ee.Upload{
				Device: jsontext.Value(keys.Keys()), OneTime: values(keys.OneTimes(from, n)), Fallback: values(keys.Fallback("F")),
			})
			w.ok(err)
		}
		upload(0, 2)
		p := w.phone(bob)
		a := p.sync()
		w.want("keys", fmt.Sprint(a.Counts, a.Fallbacks), "map[signed_curve25519:2] [signed_curve25519]")
		for _, left := range []string{"map[signed_curve25519:1] [signed_curve25519]", "map[signed_curve25519:0] [signed_curve25519]", "map[signed_curve25519:0] []"} {
			answers := p.waiting(t.Context())
			_, _, err := w.keys.Claim(t.Context(), e2ee.Claims{bob: {"PHONE": "signed_curve25519"}}, time.Minute)
			w.ok(err)
			a = <-answers
			w.want("after a claim", fmt.Sprint(a.Counts, a.Fallbacks), left)
			if a.NextBatch == p.next {
				t.Error("news, and the same token")
			}
			p.sync()
		}
		upload(2, 5)
		w.want("after more", p.sync().Counts, map[string]int64{"signed_curve25519": 5})
		w.want("as ever", p.sync().Counts, map[string]int64{"signed_curve25519": 5})
	})
}

func values[V ~[]byte](m map[string]V) map[string]jsontext.Value {
	all := map[string]jsontext.Value{}
	for name, value := range m {
		all[name] = jsontext.Value(value)
	}
	return all
}

// A user's own devices follow each other.
func TestListsOfDevices(t *testing.T) {
	each(t, func(w *world) {
		p := w.phone(bob)
		p.sync()
		_, err := w.keys.Upload(t.Context(), e2ee.Device{User: bob, ID: "PHONE"}, e2ee.Upload{Device: jsontext.Value(e2eetest.NewPhone(bob, "PHONE").Keys())})
		w.ok(err)
		w.want("changed", p.sync().Lists.Changed, []matrix.UserID{bob})
		w.wantNothing("then", p.sync())
		w.want("from the beginning", len(w.phone(bob).sync().Lists.Changed), 0)
	})
}
