package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"signet/internal/freeport"
)

var errBroken = errors.New("broken on purpose")

func TestServesEveryListenerAndStops(t *testing.T) {
	r := start(t, Process{Listeners: []Listener{
		local("api", hello),
		local("metrics", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "numbers") }),
	}})
	for i, want := range []string{"hello", "numbers"} {
		if status, body := get(t, r.urls[i]); status != 200 || body != want {
			t.Errorf("GET %s = %d %q, want %q", r.urls[i], status, body, want)
		}
	}
	r.stop()
	if err := <-r.done; err != nil {
		t.Errorf("Run = %v after a clean drain, want nil", err)
	}
	for _, url := range r.urls {
		if _, err := http.Get(url); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("GET %s after the end = %v, want %v", url, err, syscall.ECONNREFUSED)
		}
	}
}

// TestBindsAllOrNothing: the second listener's port is taken, so the first must
// not answer and background work must not start.
func TestBindsAllOrNothing(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port, err := freeport.Take()
	if err != nil {
		t.Fatal(err)
	}
	free := "127.0.0.1:" + port
	err = Process{
		Log:        new(journal).logger(),
		Listeners:  []Listener{{Name: "api", Addr: free}, {Name: "metrics", Addr: taken.Addr().String()}},
		Background: []func(context.Context) error{func(context.Context) error { t.Error("background work was started"); return nil }},
		Ready:      func([]net.Addr) { t.Error("ready was called") },
	}.Run(t.Context())
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("Run = %v, want %v", err, syscall.EADDRINUSE)
	}
	for _, want := range []string{"listener metrics", taken.Addr().String(), "choose another port"} {
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("Run = %q, want one line with %q", err, want)
		}
	}
	again, err := net.Listen("tcp", free)
	if err != nil {
		t.Fatalf("the first listener was left bound: %v", err)
	}
	again.Close()
}

func TestBindErrorHints(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{syscall.EADDRINUSE, "choose another port"},
		{syscall.EACCES, "choose a higher one"},
		{syscall.EADDRNOTAVAIL, "this machine has no such address"},
		{errBroken, "an address of this machine and a port"},
	} {
		got := bindError(Listener{Name: "api"}, fmt.Errorf("listen: %w", test.err))
		if !errors.Is(got, test.err) || !strings.HasSuffix(got.Error(), test.want+")") {
			t.Errorf("bindError(%v) = %v, want %q", test.err, got, test.want)
		}
	}
}

// TestDrainFinishesRequests: a request is in the middle of its answer when the
// process is told to stop. It must be answered whole, while the process is unready.
func TestDrainFinishesRequests(t *testing.T) {
	health := NewHealth(new(journal).logger(), nil)
	entered, finish := make(chan bool), make(chan bool)
	var background []string // written by the handler, then by the background work
	r := start(t, Process{
		Health: health,
		Listeners: []Listener{local("api", func(w http.ResponseWriter, req *http.Request) {
			entered <- true
			<-finish
			background = append(background, "request")
			fmt.Fprint(w, "whole; context: ", req.Context().Err())
		})},
		Background: []func(context.Context) error{func(ctx context.Context) error {
			<-ctx.Done()
			background = append(background, "background")
			return ctx.Err()
		}},
	})
	answer := make(chan string)
	go func() {
		_, body := get(t, r.urls[0])
		answer <- body
	}()
	<-entered
	r.stop()
	awaitUnready(t, health)
	close(finish)
	if got := <-answer; got != "whole; context: <nil>" {
		t.Errorf("the running request was answered %q", got)
	}
	if err := <-r.done; err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
	if got := fmt.Sprint(background); got != "[request background]" {
		t.Errorf("ended in the order %s, want requests before background work", got)
	}
}

// awaitUnready asks until the process says that it drains.
func awaitUnready(t *testing.T, health *Health) {
	t.Helper()
	for t.Context().Err() == nil {
		w := httptest.NewRecorder()
		health.ServeReady(w, httptest.NewRequest("GET", "/readyz", nil))
		if w.Code == http.StatusServiceUnavailable && w.Body.String() == "draining\n" {
			return
		}
	}
}

// TestDrainCancelsLongPolls: a request that would wait for ever is cancelled when
// the drain has taken long enough, and that is still a clean end.
func TestDrainCancelsLongPolls(t *testing.T) {
	entered := make(chan bool)
	r := start(t, Process{
		DrainTimeout: time.Millisecond,
		Listeners: []Listener{local("api", func(w http.ResponseWriter, req *http.Request) {
			entered <- true
			<-req.Context().Done()
			io.WriteString(w, "nothing new")
		})},
	})
	answer := make(chan string)
	go func() {
		_, body := get(t, r.urls[0])
		answer <- body
	}()
	<-entered
	r.stop()
	if got := <-answer; got != "nothing new" {
		t.Errorf("the cancelled request was answered %q", got)
	}
	if err := <-r.done; err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
	if !strings.Contains(r.log.String(), "requests outlast the drain") {
		t.Errorf("the log does not say that requests were cancelled:\n%s", r.log)
	}
}

// TestDrainLetsLongPollsGo: who waits on purpose is told that the drain begins, and the
// end is clean without a request being cancelled.
func TestDrainLetsLongPollsGo(t *testing.T) {
	entered, draining := make(chan bool), make(chan bool)
	r := start(t, Process{
		Draining: func() { close(draining) },
		Listeners: []Listener{local("api", func(w http.ResponseWriter, req *http.Request) {
			entered <- true
			<-draining
			fmt.Fprint(w, "nothing new; context: ", req.Context().Err())
		})},
	})
	answer := make(chan string)
	go func() {
		_, body := get(t, r.urls[0])
		answer <- body
	}()
	<-entered
	r.stop()
	if got := <-answer; got != "nothing new; context: <nil>" {
		t.Errorf("who waited was answered %q", got)
	}
	if err := <-r.done; err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
}

// TestDrainCutsTheStubborn: a handler that ignores its context cannot keep the
// process alive, but the end is not called clean.
func TestDrainCutsTheStubborn(t *testing.T) {
	entered, release := make(chan bool), make(chan bool)
	r := start(t, Process{
		DrainTimeout: time.Millisecond,
		Listeners: []Listener{local("api", func(http.ResponseWriter, *http.Request) {
			entered <- true
			<-release
		})},
	})
	defer close(release)
	cut := make(chan error)
	go func() {
		resp, err := http.Get(r.urls[0])
		if err == nil {
			resp.Body.Close()
		}
		cut <- err
	}()
	<-entered
	r.stop()
	if err := <-r.done; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Run = %v, want %v", err, context.DeadlineExceeded)
	}
	if err := <-cut; err == nil {
		t.Error("the stubborn request was answered")
	}
}

func TestBackgroundFailureEndsTheProcess(t *testing.T) {
	stopped := false
	r := start(t, Process{
		Listeners: []Listener{local("api", hello)},
		Background: []func(context.Context) error{
			func(context.Context) error { return nil }, // work that is done is no failure
			func(context.Context) error { return errBroken },
			func(ctx context.Context) error { <-ctx.Done(); stopped = true; return nil },
		},
	})
	if err := <-r.done; !errors.Is(err, errBroken) {
		t.Errorf("Run = %v, want %v", err, errBroken)
	}
	if !stopped {
		t.Error("Run returned before the other background work ended")
	}
	if _, err := http.Get(r.urls[0]); err == nil {
		t.Error("the listener answers after the end")
	}
}

// TestBackgroundFailureWhileStopping: what cannot be finished is told too.
func TestBackgroundFailureWhileStopping(t *testing.T) {
	r := start(t, Process{Background: []func(context.Context) error{
		func(ctx context.Context) error { <-ctx.Done(); return errBroken },
		func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) },
	}})
	r.stop()
	if err := <-r.done; !errors.Is(err, errBroken) || errors.Is(err, context.Canceled) {
		t.Errorf("Run = %v, want only %v", err, errBroken)
	}
}

// TestStoppedBeforeItStarted: a signal that comes early is not an error.
func TestStoppedBeforeItStarted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := Process{Log: new(journal).logger(), DrainTimeout: time.Minute, Listeners: []Listener{local("api", hello)}}
	if err := p.Run(ctx); err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
}

func TestServerLimits(t *testing.T) {
	r := start(t, Process{Listeners: []Listener{local("api", hello)}})
	defer func() { r.stop(); <-r.done }()
	req, err := http.NewRequest("GET", r.urls[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Long", strings.Repeat("x", 2*maxHeaderBytes))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header of %d bytes = %d, want %d", 2*maxHeaderBytes, resp.StatusCode, http.StatusRequestHeaderFieldsTooLarge)
	}
}
