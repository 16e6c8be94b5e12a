package daemon

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections are made in memory, so that time in a
// synctest bubble passes for them.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if conn, ok := <-p; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{} }

// TestSlowClients: whoever stops in the middle is not waited for for ever, and
// whoever waits for an answer is.
func TestSlowClients(t *testing.T) {
	const headers = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
	for _, test := range []struct {
		name, sent string
		want       time.Duration // how long the connection lives
	}{
		{"nothing sent", "", readHeaderTimeout},
		{"half a header", headers, readHeaderTimeout},
		{"half a body", headers + "\r\nhalf", readTimeout},
		{"a whole request", headers + "\r\nwholewhol", 5*readTimeout + idleTimeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := lifetime(t, test.sent); got != test.want {
					t.Errorf("the connection lives for %v, want %v", got, test.want)
				}
			})
		})
	}
}

// lifetime sends text and waits until the server closes the connection. The
// server reads the body, then takes five times the read timeout to answer.
func lifetime(t *testing.T, text string) time.Duration {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		select {
		case <-r.Context().Done():
			t.Error("a request was cancelled while its answer was made")
		case <-time.After(5 * readTimeout):
		}
	})
	listener := make(pipes)
	server := Listener{Handler: handler}.server(t.Context(), new(journal).logger())
	go server.Serve(listener)
	defer close(listener)
	client, conn := net.Pipe()
	listener <- conn
	start := time.Now()
	go io.WriteString(client, text)
	if _, err := io.Copy(io.Discard, client); err != nil {
		t.Fatal(err)
	}
	return time.Since(start)
}
