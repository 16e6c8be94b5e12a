package daemon

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// checkTimeout is how long one readiness check may take; one that takes longer
// has failed.
const checkTimeout = 5 * time.Second

// Check tells whether something that the program needs is there. It is called
// from many requests at the same time and must obey its context.
type Check func(context.Context) error

// Health answers whether the program lives and whether it can work.
type Health struct {
	log      *slog.Logger
	checks   map[string]Check
	notes    map[string]func() bool
	draining atomic.Bool
}

// NewHealth makes a Health from checks by name. The names are public, the texts
// of their errors go to the log only.
func NewHealth(log *slog.Logger, checks map[string]Check) *Health {
	return &Health{log: log, checks: checks, notes: map[string]func() bool{}}
}

// Note has ServeReady name what an operator has to see to while wrong returns true, though the
// program works. It is called before anything is served.
func (h *Health) Note(name string, wrong func() bool) { h.notes[name] = wrong }

// Drain makes the program unready for good, so that no balancer sends it more.
func (h *Health) Drain() { h.draining.Store(true) }

// ServeAlive answers GET /healthz: 200 as long as the program can answer at all.
func (h *Health) ServeAlive(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, "ok")
}

// ServeReady answers GET /readyz: 200, with a line for each Note, or 503 with the names of what
// failed.
func (h *Health) ServeReady(w http.ResponseWriter, r *http.Request) {
	if h.draining.Load() {
		answer(w, http.StatusServiceUnavailable, "draining")
		return
	}
	if failed := h.failed(r.Context()); len(failed) > 0 {
		answer(w, http.StatusServiceUnavailable, strings.Join(failed, "\n"))
		return
	}
	answer(w, http.StatusOK, strings.Join(append([]string{"ok"}, h.noted()...), "\nbut "))
}

// noted names what is noted, in order.
func (h *Health) noted() (names []string) {
	for name, wrong := range h.notes {
		if wrong() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// failed runs all checks at the same time and names those that fail, in order.
func (h *Health) failed(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var mu sync.Mutex // guards failed
	var failed []string
	var running sync.WaitGroup
	for name, check := range h.checks {
		running.Go(func() {
			if err := check(ctx); err != nil {
				h.log.Warn("not ready", "check", name, "error", err)
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, name)
			}
		})
	}
	running.Wait()
	slices.Sort(failed)
	return failed
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	io.WriteString(w, text+"\n")
}
