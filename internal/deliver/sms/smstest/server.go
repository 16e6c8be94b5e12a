package smstest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Fault is a way in which a server fails whatever it was asked, after it has read
// the request.
type Fault int

// The faults. Except for Hang and HangUp, the server may be said to have taken the
// message; none of them is counted as accepted.
const (
	None       Fault = iota
	Hang             // no answer until the client goes away
	HangUp           // the connection is closed without an answer
	Redirect         // 307 to another server, which counts who comes
	BadGateway       // 502 with a page of HTML
	Broken           // 500 with an error in JSON
	Empty            // success, and nothing said
	Garbage          // success, and a page of HTML
	Huge             // success, and 64 MB of one JSON string
	Drip             // success, and one octet every few milliseconds
	CutShort         // success, and half of what was announced
)

// Faults are all faults, for tables.
var Faults = map[string]Fault{"hang": Hang, "hang up": HangUp, "redirect": Redirect, "bad gateway": BadGateway, "broken": Broken,
	"empty": Empty, "garbage": Garbage, "huge": Huge, "drip": Drip, "cut short": CutShort}

// server is what the fakes have in common.
type server struct {
	URL string // without a closing slash

	elsewhere string
	stuck     chan struct{} // one for each request that hangs or drips
	stop      chan struct{} // closed at the end of the test, for faults that hang

	mu      sync.Mutex // guards what follows
	fault   Fault
	asked   int
	strayed int
	poured  int
}

func (s *server) start(t testing.TB, handle http.HandlerFunc) {
	t.Helper()
	s.stuck, s.stop = make(chan struct{}, 64), make(chan struct{})
	main := httptest.NewServer(handle)
	trap := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.strayed++
	}))
	s.URL, s.elsewhere = main.URL, trap.URL
	t.Cleanup(func() { close(s.stop); main.Close(); trap.Close() })
}

// Break makes the server fail from now on; None mends it.
func (s *server) Break(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Asked counts the requests so far, whatever became of them.
func (s *server) Asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// Strayed counts the requests that followed a redirect.
func (s *server) Strayed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.strayed
}

// Poured is how many octets of a Huge answer were taken from the server.
func (s *server) Poured() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.poured
}

// Stuck gives one value for each request that is kept waiting by Hang or Drip, once
// it is: a test need not guess when to lose its patience.
func (s *server) Stuck() <-chan struct{} { return s.stuck }

// enter counts a request and gives the fault to commit.
func (s *server) enter() Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	return s.fault
}

// commit answers in the way of a fault.
func (s *server) commit(f Fault, w http.ResponseWriter, r *http.Request, success int) {
	switch f {
	case Hang:
		s.wait(r)
	case HangUp:
		panic(http.ErrAbortHandler)
	case Redirect:
		http.Redirect(w, r, s.elsewhere, http.StatusTemporaryRedirect)
	case BadGateway:
		answer(w, http.StatusBadGateway, "text/html", page)
	case Broken:
		answer(w, http.StatusInternalServerError, "application/json", `{"code": 20500, "message": "Internal Server Error", "status": 500}`)
	case Empty:
		w.WriteHeader(success)
	case Garbage:
		answer(w, success, "text/html", page)
	case Huge:
		s.pour(w, success)
	case Drip:
		s.drip(w, r, success)
	case CutShort:
		w.Header().Set("Content-Length", "1000")
		answer(w, success, "application/json", `{"sid": "SM0123456789`)
		panic(http.ErrAbortHandler)
	}
}

const page = "<html><body>Welcome to the hotel's network</body></html>"

func answer(w http.ResponseWriter, status int, contentType, body string) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

func (s *server) wait(r *http.Request) {
	s.stuck <- struct{}{}
	select {
	case <-r.Context().Done():
	case <-s.stop:
	}
}

func (s *server) pour(w http.ResponseWriter, success int) {
	w.WriteHeader(success)
	chunk := []byte(`{"sid": "` + strings.Repeat("A", 1<<20))
	for range 64 {
		n, err := w.Write(chunk)
		s.mu.Lock()
		s.poured += n
		s.mu.Unlock()
		if err != nil {
			return
		}
		chunk = chunk[len(chunk)-1<<20:]
	}
}

func (s *server) drip(w http.ResponseWriter, r *http.Request, success int) {
	w.WriteHeader(success)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for told := false; ; {
		_, err := w.Write([]byte(" "))
		if err != nil || http.NewResponseController(w).Flush() != nil {
			return
		}
		if !told {
			s.stuck <- struct{}{}
			told = true
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		case <-s.stop:
			return
		}
	}
}
