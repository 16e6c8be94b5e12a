package daemon

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"signet/internal/config"
)

// journal is a log that a test can read while the program writes it.
type journal struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) logger() *slog.Logger {
	return NewLogger(j, config.Log{Level: "debug", Format: "text"})
}

// running is a process that serves.
type running struct {
	urls []string
	stop context.CancelFunc // what a signal does
	done chan error         // what Run returned
	log  *journal
}

// start runs the process until all its listeners are bound.
func start(t *testing.T, p Process) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{stop: cancel, done: make(chan error, 1), log: &journal{}}
	bound := make(chan []net.Addr, 1)
	p.Log, p.Ready = r.log.logger(), func(addrs []net.Addr) { bound <- addrs }
	if p.DrainTimeout == 0 {
		p.DrainTimeout = time.Minute
	}
	go func() { r.done <- p.Run(ctx) }()
	select {
	case addrs := <-bound:
		for _, addr := range addrs {
			r.urls = append(r.urls, "http://"+addr.String())
		}
	case err := <-r.done:
		t.Fatalf("Run = %v before it was ready", err)
	}
	return r
}

func local(name string, handler http.HandlerFunc) Listener {
	return Listener{Name: name, Addr: "127.0.0.1:0", Handler: handler}
}

func hello(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatalf("GET %s: %v", url, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("GET %s: %v", url, err)
	}
	return resp.StatusCode, string(body)
}
