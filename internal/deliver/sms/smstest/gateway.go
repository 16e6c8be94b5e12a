package smstest

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"testing"
)

// Gateway is a fake of a gateway that takes messages by some HTTP request.
type Gateway struct {
	server
	status   int       // under mu
	body     string    // under mu
	received []Request // under mu
}

// Request is one that a fake gateway has read.
type Request struct {
	Method string
	URL    *url.URL
	Header http.Header
	Body   []byte
}

// NewGateway starts a fake gateway that answers 200 and {"status": "0"} until it is
// told otherwise. It ends with the test.
func NewGateway(t testing.TB) *Gateway {
	f := &Gateway{status: http.StatusOK, body: `{"status": "0"}`}
	f.start(t, f.serve)
	return f
}

// Answer makes it answer so from now on.
func (f *Gateway) Answer(status int, body string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status, f.body = status, body
}

// Received is what it has read so far, oldest first, however it answered.
func (f *Gateway) Received() []Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.received)
}

func (f *Gateway) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	fault := f.enter()
	f.mu.Lock()
	f.received = append(f.received, Request{r.Method, r.URL, r.Header, body})
	status, text := f.status, f.body
	f.mu.Unlock()
	if fault != None {
		f.commit(fault, w, r, http.StatusOK)
		return
	}
	answer(w, status, "application/json", text)
}
