package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// stub is a homeserver of one room that keeps what it is sent; faulty changes what /sync
// gives.
type stub struct {
	mu         sync.Mutex // guards the rest
	registered int
	bodies     []string
	news       *sync.Cond
	faulty     func(fresh []string) []string
}

func newStub(t *testing.T, faulty func([]string) []string) (*stub, *target) {
	s := &stub{faulty: faulty}
	s.news = sync.NewCond(&s.mu)
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+v3+"/register", s.register)
	mux.HandleFunc("POST "+v3+"/createRoom", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"room_id":"!r"}`) })
	mux.HandleFunc("POST "+v3+"/join/{room}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"room_id":"!r"}`) })
	mux.HandleFunc("PUT "+v3+"/rooms/{room}/send/{type}/{txn}", s.send)
	mux.HandleFunc("GET "+v3+"/sync", s.sync)
	peer, err := openPeer(t.Context(), settings{base: played(t, mux.ServeHTTP), duration: time.Millisecond, rooms: 2, messages: 5, receivers: 2})
	if err != nil {
		t.Fatal(err)
	}
	return s, peer
}

func (s *stub) register(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.registered++
	fmt.Fprintf(w, `{"user_id":"@u%d:hs","access_token":"t%[1]d"}`, s.registered)
}

func (s *stub) send(w http.ResponseWriter, r *http.Request) {
	var content struct{ Body string }
	if err := json.NewDecoder(r.Body).Decode(&content); err != nil {
		w.WriteHeader(http.StatusBadRequest)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bodies = append(s.bodies, content.Body)
	s.news.Broadcast()
	fmt.Fprint(w, `{"event_id":"$e"}`)
}

// sync waits for news if it is asked for them.
func (s *stub) sync(w http.ResponseWriter, r *http.Request) {
	since, err := strconv.Atoi(r.FormValue("since"))
	defer context.AfterFunc(r.Context(), s.wake)()
	s.mu.Lock()
	defer s.mu.Unlock()
	for err == nil && since == len(s.bodies) && r.Context().Err() == nil {
		s.news.Wait()
	}
	var events []string
	for _, body := range s.faulty(s.bodies[since:]) {
		events = append(events, fmt.Sprintf(`{"content":{"body":%q}}`, body))
	}
	fmt.Fprintf(w, `{"next_batch":"%d","rooms":{"join":{"!r":{"timeline":{"events":[%s]}}}}}`, len(s.bodies), strings.Join(events, ","))
}

// wake wakes a request whose client has gone.
func (s *stub) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.news.Broadcast()
}

func faithful(fresh []string) []string { return fresh }

// Every message is taken by every receiver, and what else is said in the room is no harm.
func TestDelivery(t *testing.T) {
	_, target := newStub(t, func(fresh []string) []string { return append([]string{"somebody else"}, fresh...) })
	f, err := target.deliver(t.Context(), 3)
	if err != nil || f.rate == 0 || f.p50 <= 0 || f.p99 < f.p50 {
		t.Errorf("deliver = %+v, %v", f, err)
	}
}

// A server that loses, doubles or mixes up messages gets no figures.
func TestDeliveryOfOthers(t *testing.T) {
	for name, faulty := range map[string]func([]string) []string{
		"doubles": func(fresh []string) []string { return append(fresh, fresh...) },
		"loses": func(fresh []string) (kept []string) {
			for _, body := range fresh {
				if !strings.HasPrefix(body, "message 2 ") {
					kept = append(kept, body)
				}
			}
			return kept
		},
	} {
		_, target := newStub(t, faulty)
		if f, err := target.deliver(t.Context(), 2); !errors.Is(err, errLost) {
			t.Errorf("one that %s: %+v, %v, want %v", name, f, err, errLost)
		}
	}
}

// People are registered when they are needed, and no more of them.
func TestCrowd(t *testing.T) {
	s, target := newStub(t, faithful)
	for _, c := range []struct{ ask, want int }{{3, 3}, {2, 3}, {5, 5}} {
		people, err := target.crowd(t.Context(), c.ask)
		if err != nil || len(people) != c.ask || s.registered != c.want {
			t.Errorf("crowd(%d) = %v, %v, of %d registered; want %d", c.ask, people, err, s.registered, c.want)
		}
	}
}

// An initial sync without all rooms is none.
func TestInitialSyncs(t *testing.T) {
	_, target := newStub(t, faithful)
	for _, rooms := range []int{1, 2} {
		target.roomIDs = make([]string, rooms)
		f, err := target.hammer(t.Context(), 1, forever, target.initialSyncs(person{}, lazy, 3))
		if whole := rooms == 1; whole != (err == nil) || !whole && !errors.Is(err, errRefused) {
			t.Errorf("one room of %d: %+v, %v", rooms, f, err)
		}
	}
}

func TestChooseSteps(t *testing.T) {
	all, err := chooseSteps(settings{}, nil)
	if err != nil || len(all) != len(steps(settings{})) {
		t.Errorf("no names choose %d, %v, want all", len(all), err)
	}
	some, err := chooseSteps(settings{}, []string{"sync", "send", "sync"})
	if err != nil || len(some) != 2 || some[0].name != "send" || some[1].name != "sync" {
		t.Errorf("two names choose %+v, %v, want the two in the order in which they are made", some, err)
	}
	if _, err := chooseSteps(settings{}, []string{"ping"}); !errors.Is(err, errName) {
		t.Errorf("an unknown name: %v, want %v", err, errName)
	}
}

// A step that fails has a reason in place of figures and no ratio; the steps after it are
// made all the same.
func TestAStepThatFails(t *testing.T) {
	failing := errors.New("out of order")
	made := func(rate float64, err error) func(*target, context.Context) ([]figures, error) {
		return func(*target, context.Context) ([]figures, error) { return []figures{{rate: rate}}, err }
	}
	chosen := func(err error) []step {
		return []step{{name: "a", rows: []row{{name: "first", bar: "5/s", peer: "3/s"}}, run: made(10, err)}, {name: "b", rows: []row{{name: "second"}}, run: made(8, nil)}}
	}
	open := func(context.Context, settings) (*target, error) { return new(target), nil }
	ours, theirs := newTally(open, chosen(nil)), newTally(open, chosen(failing))
	for _, a := range []*tally{ours, theirs} {
		if err := a.run(t.Context(), settings{}); err != nil {
			t.Fatal(err)
		}
	}
	got := table(beside(ours, theirs))
	want := "" +
		"  MEASUREMENT  BAR  PEER    RATE  P50  P99  RSS  CPU EACH  SERVER CPU  CLIENT CPU  OTHERS\n" +
		"        first  5/s     -  10.0/s    -    -    -         -        0.00        0.00    0.00\n" +
		"      at BASE    -     -       -    -    -    -         -           -           -       -\n" +
		"       second    -     -   8.0/s    -    -    -         -        0.00        0.00    0.00\n" +
		"      at BASE    -     -   8.0/s    -    -    -         -        0.00        0.00    0.00\n" +
		"        ratio    -     -      1×    -    -    -         -           -           -       -\n" +
		"at BASE was not measured: first: out of order\n"
	if got != want {
		t.Errorf("table =\n%swant\n%s", got, want)
	}
}
