package sync_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	stdsync "sync"
	"testing"
	"time"

	"signet/internal/homeserver/filter"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/homeserver/sync"
	"signet/internal/matrix"
)

// Whoever waits is told as soon as there is something for them, and nobody else is.
func TestWaiting(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		w.join(id, bob)
		a, b, c := w.phone(alice), w.phone(bob), w.phone(carol)
		for _, p := range []*phone{a, b, c} {
			p.sync()
		}
		ctx, leave := context.WithCancel(t.Context())
		waiting := []<-chan answer{a.waiting(ctx), b.waiting(ctx)}
		stranger := c.waiting(ctx)
		said := w.say(id, alice, "hello")
		for _, answers := range waiting {
			got := <-answers
			w.want("who waits", got.Rooms.Join[id].Timeline.Events[0].ID, said)
		}
		if got := w.phone(alice).sync(); !strings.Contains(got.text, said) {
			t.Error("what was answered is not told")
		}
		leave()
		if _, told := <-stranger; told {
			t.Error("carol was told something")
		}
	})
}

// What a filter leaves out wakes nobody for good, and the token goes on all the same.
func TestWaitingForWhatIsNotWanted(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		p := w.phone(alice).with(`{"room":{"timeline":{"types":["wanted"]},"state":{"types":["wanted"]}}}`)
		p.sync()
		answers := p.waiting(t.Context())
		for range 3 {
			w.say(id, alice, "noise")
		}
		w.set(id, alice, "wanted", "", `{"n":1}`)
		got := <-answers
		w.want("at last", got.Rooms.Join[id].Timeline.short(), []string{"wanted|=1"})
		p.sync()
		w.say(id, alice, "noise")
		p.Timeout = time.Millisecond
		a := p.sync()
		w.wantNothing("noise", a)
		if want := fmt.Sprintf("s%d", w.stream.Visible()); a.NextBatch != want {
			t.Errorf("after noise the token is %s, want %s", a.NextBatch, want)
		}
	})
}

// A server that goes down lets everybody go.
func TestTheEndOfWaiting(t *testing.T) {
	each(t, func(w *world) {
		p := w.phone(alice)
		p.sync()
		answers := p.waiting(t.Context())
		w.sync.End()
		w.wantNothing("the last answer", <-answers)
		w.sync.End()
		w.wantNothing("later", <-p.waiting(t.Context()))
	})
}

// Clients that go away leave nothing behind.
func TestGoingAway(t *testing.T) {
	each(t, func(w *world) {
		p := w.phone(alice)
		p.sync()
		before := runtime.NumGoroutine()
		ctx, leave := context.WithCancel(t.Context())
		var gone []<-chan answer
		for i := range 100 {
			p.Device = fmt.Sprint("PHONE", i)
			gone = append(gone, p.waiting(ctx))
		}
		leave()
		for _, answers := range gone {
			if _, told := <-answers; told {
				t.Error("somebody was told something")
			}
		}
		for runtime.NumGoroutine() > before {
			runtime.Gosched()
		}
	})
}

// A client that asks again and again without waiting for answers gets few at a time, and
// takes nobody else's.
func TestAClientThatAsksTooMuch(t *testing.T) {
	each(t, func(w *world) {
		w.create(room.Creation{Preset: room.PublicChat})
		p := w.phone(alice)
		p.sync()
		told := make(chan bool)
		for range 11 {
			answers := p.waiting(t.Context())
			go func() {
				_, answered := <-answers
				told <- answered
			}()
		}
		w.want("one of 11 is answered", <-told, false)
		other := w.phone(alice)
		other.Device = "TABLET"
		w.want("rooms of another device", len(other.sync().Rooms.Join), 1)
		w.sync.End()
		for range 10 {
			w.want("the others are", <-told, true)
		}
		var asking stdsync.WaitGroup
		for range 40 {
			asking.Go(func() {
				_, err := w.ask(t.Context(), w.phone(alice).Request)
				if _, is := errors.AsType[matrix.LimitExceeded](err); err != nil && !is {
					t.Error(err)
				}
			})
		}
		asking.Wait()
		w.want("at last", len(w.phone(alice).sync().Rooms.Join), 1)
	})
}

func TestRefusals(t *testing.T) {
	each(t, func(w *world) {
		for _, test := range []struct {
			request sync.Request
			want    error
		}{
			{sync.Request{Since: "x"}, stream.ErrToken},
			{sync.Request{Since: "s-1"}, stream.ErrToken},
			{sync.Request{Since: "s1_2"}, stream.ErrToken},
			{sync.Request{Since: "t1_2"}, stream.ErrToken},
			{sync.Request{Filter: "none"}, sync.ErrNoFilter},
			{sync.Request{Filter: `{"room":[]}`}, filter.ErrFilter},
			{sync.Request{Filter: `{`}, filter.ErrFilter},
		} {
			test.request.User, test.request.Device = alice, "PHONE"
			if got, err := w.ask(t.Context(), test.request); !errors.Is(err, test.want) {
				t.Errorf("%+v: %s, %v, want %v", test.request, got, err, test.want)
			}
		}
		id, err := w.data.AddFilter(t.Context(), alice, []byte(`{"account_data":{"types":[]}}`))
		w.ok(err)
		p := w.phone(alice).with(id)
		for range 2 {
			w.wantNothing("with a filter that is stored", p.look())
		}
		p.User = bob
		if _, err := w.ask(t.Context(), p.Request); !errors.Is(err, sync.ErrNoFilter) {
			t.Errorf("another's filter: %v", err)
		}
	})
}

// A token from the future is of another database: its client begins anew.
func TestATokenFromTheFuture(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		p := w.phone(alice)
		p.Since, p.Timeout = "s9223372036854775807_4", time.Minute
		w.want("rooms", len(p.sync().Rooms.Join), 1)
		w.wantNothing("then", w.answerAtOnce(p))
		p.FullState, p.Timeout = true, time.Minute
		a := p.sync()
		w.want("the full state", a.Rooms.Join[id].State.short()[0], "m.room.create|")
		w.want("and no timeline", a.Rooms.Join[id].Timeline.short(), []string{})
	})
}

func (w *world) answerAtOnce(p *phone) answer {
	w.Helper()
	r := p.Request
	r.Timeout = 0
	text, err := w.ask(w.Context(), r)
	w.ok(err)
	return w.answer(text)
}

// Whoever looks while others write gets each event once and in order, and what was
// answered is there.
func TestLookingWhileOthersWrite(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		w.join(id, bob, carol)
		const writers, each = 4, 25
		const all = `{"room":{"timeline":{"limit":100}}}` // whatever others write before one looks
		readers := []*phone{w.phone(alice).with(all), w.phone(bob).with(`{"room":{"timeline":{"limit":100},"state":{"lazy_load_members":true}}}`), w.phone(carol).with(all)}
		readers[0].StateAfter = true
		for _, p := range readers {
			p.sync()
		}
		var writing, reading stdsync.WaitGroup
		told := make([][]string, len(readers))
		for i, p := range readers {
			p.Timeout = time.Minute
			reading.Go(func() {
				for len(told[i]) < writers*each {
					a := p.sync()
					if a.Rooms.Join[id].Timeline.Limited {
						t.Error("a gap")
						return
					}
					told[i] = append(told[i], a.Rooms.Join[id].Timeline.said()...)
				}
			})
		}
		for n := range writers {
			writing.Go(func() {
				for i := range each {
					text := fmt.Sprintf("%d %02d", n, i)
					event, err := w.rooms.Send(t.Context(), message(id, alice, text))
					if err != nil {
						t.Error(err)
					}
					if late := w.phone(bob).with(all); !strings.Contains(late.look().text, event) {
						t.Errorf("%s is answered and not told", text)
					}
				}
			})
		}
		writing.Wait()
		reading.Wait()
		for _, list := range told[1:] {
			w.want("in the same order", list, told[0])
		}
		slices.Sort(told[0])
		w.want("each once", len(slices.Compact(told[0])), writers*each)
	})
}
