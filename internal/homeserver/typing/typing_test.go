package typing_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"signet/internal/homeserver/stream"
	"signet/internal/homeserver/typing"
	"signet/internal/matrix"
)

const (
	alice, bob matrix.UserID = "@alice:example.org", "@bob:example.org"
	tea        matrix.RoomID = "!tea:example.org"
)

// lane is a stream with nothing else in it.
type lane struct {
	typing *typing.Typing
	mu     sync.Mutex
	pos    stream.Pos
	woken  []matrix.UserID
	fails  error
}

func (l *lane) Do(_ context.Context, n typing.Notice) (stream.Pos, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fails != nil {
		return 0, l.fails
	}
	l.pos++
	l.typing.Publish([]stream.Placed[typing.Notice]{{Pos: l.pos, Op: n}}, func(u matrix.UserID) { l.woken = append(l.woken, u) })
	return l.pos, nil
}

func (l *lane) at() stream.Pos {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pos
}

// roused is how many were woken.
func (l *lane) roused() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.woken)
}

type rooms struct{}

func (rooms) LocalMembers(matrix.RoomID) []matrix.UserID { return []matrix.UserID{alice, bob} }

// world is a room with two who type, in time that passes when all wait.
type world struct {
	*typing.Typing
	*lane
	t *testing.T
}

func play(t *testing.T, story func(w world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := world{typing.New(rooms{}), &lane{}, t}
		w.lane.typing = w.Typing
		w.Join(w.lane)
		w.Outgoing = &elsewhere{}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go func() {
			if err := w.Run(ctx); err != nil {
				t.Error(err)
			}
		}()
		story(w)
	})
}

func (w world) start(user matrix.UserID, timeout time.Duration) {
	w.t.Helper()
	if err := w.Start(w.t.Context(), tea, user, timeout); err != nil {
		w.t.Error(err)
	}
}

// expect holds who is typing against what is told of all that was ever said.
func (w world) expect(users ...matrix.UserID) {
	w.t.Helper()
	synctest.Wait()
	if got, changed := w.Since(tea, 0, w.at()); !slices.Equal(got, users) || !changed {
		w.t.Errorf("typing are %q (%t), want %q", got, changed, users)
	}
}

func TestTypingEndsByItself(t *testing.T) {
	play(t, func(w world) {
		w.start(alice, 10*time.Second)
		w.start(bob, 5*time.Second)
		w.expect(alice, bob)
		time.Sleep(6 * time.Second)
		w.expect(alice)
		time.Sleep(5 * time.Second)
		w.expect()
		if w.at() != 4 {
			t.Errorf("%d notices, want 4", w.at())
		}
	})
}

// Clients say it again every few seconds: that wakes nobody, and nobody stops meanwhile.
func TestWhoGoesOnWakesNobody(t *testing.T) {
	play(t, func(w world) {
		for range 10 {
			w.start(alice, 10*time.Second)
			time.Sleep(7 * time.Second)
		}
		w.expect(alice)
		if n := w.roused(); n != 2 {
			t.Errorf("%d were woken, want the two of the room, once", n)
		}
		time.Sleep(10 * time.Second)
		w.expect()
	})
}

// Who leaves types no more; who was not typing has nothing to end.
func TestLeavingEndsTyping(t *testing.T) {
	play(t, func(w world) {
		w.start(alice, time.Minute)
		w.start(bob, time.Minute)
		w.Gone("!other:example.org", bob)
		w.expect(alice, bob)
		for range 2 {
			w.Gone(tea, alice)
			w.expect(bob)
		}
		w.start(alice, time.Minute)
		w.expect(alice, bob)
		if w.at() != 4 {
			t.Errorf("%d notices, want 4", w.at())
		}
	})
}

func TestStopping(t *testing.T) {
	play(t, func(w world) {
		if err := w.Stop(t.Context(), tea, alice); err != nil || w.at() != 0 {
			t.Errorf("who was not typing stopped at %d, %v", w.at(), err)
		}
		w.start(alice, time.Minute)
		seen := w.at()
		if err := w.Stop(t.Context(), tea, alice); err != nil {
			t.Fatal(err)
		}
		w.expect()
		if users, changed := w.Since(tea, seen, w.at()); len(users) != 0 || !changed {
			t.Errorf("who has seen her typing is told %q, %t", users, changed)
		}
		if _, changed := w.Since(tea, w.at(), w.at()); changed {
			t.Error("it has changed after the end of the stream")
		}
		if _, changed := w.Since(tea, 0, seen); changed {
			t.Error("what is newer than was asked for is told")
		}
		time.Sleep(2 * time.Minute)
		if w.at() != 2 {
			t.Errorf("%d notices, want 2", w.at())
		}
	})
}

func TestNobodyTypesForEver(t *testing.T) {
	play(t, func(w world) {
		w.start(alice, 24*time.Hour)
		time.Sleep(typing.MaxTimeout + time.Second)
		w.expect()
	})
}

// A server that goes down takes no notice in; whoever was typing is over all the same.
func TestAStreamThatTakesNothing(t *testing.T) {
	play(t, func(w world) {
		w.start(alice, time.Second)
		w.mu.Lock()
		w.fails = errors.New("stopped")
		w.mu.Unlock()
		if err := w.Start(t.Context(), tea, bob, time.Second); err == nil {
			t.Error("Start succeeded")
		}
		time.Sleep(time.Hour)
		w.expect()
	})
}

// What is over for a day is remembered no more.
func TestQuietRoomsAreForgotten(t *testing.T) {
	play(t, func(w world) {
		w.start(alice, time.Second)
		time.Sleep(23 * time.Hour)
		w.expect()
		time.Sleep(2 * time.Hour)
		if _, changed := w.Since(tea, 0, w.at()); changed {
			t.Error("a quiet room is remembered")
		}
	})
}

// elsewhere writes down what other servers are told.
type elsewhere struct {
	mu   sync.Mutex // guards told
	told []string
}

func (e *elsewhere) Type(_ context.Context, _ matrix.RoomID, user matrix.UserID, typing bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.told = append(e.told, fmt.Sprint(user, " ", typing))
}

// Other servers are told that somebody types, goes on, stops, and that the time is over.
func TestOtherServersAreTold(t *testing.T) {
	play(t, func(w world) {
		told := w.Outgoing.(*elsewhere)
		w.start(alice, 10*time.Second)
		w.start(alice, 10*time.Second)
		if err := w.Stop(t.Context(), tea, alice); err != nil {
			t.Error(err)
		}
		w.start(bob, 5*time.Second)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		told.mu.Lock()
		defer told.mu.Unlock()
		want := []string{"@alice:example.org true", "@alice:example.org true", "@alice:example.org false", "@bob:example.org true", "@bob:example.org false"}
		if !slices.Equal(told.told, want) {
			t.Errorf("told %q, want %q", told.told, want)
		}
	})
}
