package fedclient

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"signet/internal/matrix"
)

// onBothProtocols runs a story against a server that speaks HTTP/1.1 and one that
// speaks HTTP/2.
func onBothProtocols(t *testing.T, h http.HandlerFunc, story func(t *testing.T, w *world)) {
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			cert := w.ca.issue(t, w.clock.Add(time.Hour), "1.2.3.4")
			w.serveWith("1.2.3.4:8448", func(rw http.ResponseWriter, r *http.Request) {
				if r.Proto != name {
					t.Errorf("request came over %s, want %s", r.Proto, name)
				}
				h(rw, r)
			}, cert, http2)
			story(t, w)
		})
	}
}

func TestEndlessBody(t *testing.T) {
	endless := func(rw http.ResponseWriter, _ *http.Request) {
		for line := []byte(strings.Repeat("a", 1000)); ; {
			if _, err := rw.Write(line); err != nil {
				return
			}
		}
	}
	onBothProtocols(t, endless, func(t *testing.T, w *world) { w.refused(w.client(), "1.2.3.4", ErrTooLarge) })
}

func TestBodyUpToTheLimit(t *testing.T) {
	body := strings.Repeat("a", 1000)
	onBothProtocols(t, raw(body), func(t *testing.T, w *world) {
		c := w.client()
		for limit, want := range map[int64]error{1: ErrTooLarge, 999: ErrTooLarge, 1000: nil, 1001: nil, 0: nil} {
			r := ping("1.2.3.4")
			r.MaxBytes = limit
			answer, err := c.Do(t.Context(), r)
			if !errors.Is(err, want) || (want == nil && string(answer.Body) != body) {
				t.Errorf("MaxBytes %d: %d bytes, %v, want %v", limit, len(answer.Body), err, want)
			}
		}
	})
}

func TestHugeHeaders(t *testing.T) {
	huge := func(rw http.ResponseWriter, _ *http.Request) { rw.Header().Set("X-Huge", strings.Repeat("a", 1<<20)) }
	onBothProtocols(t, huge, func(t *testing.T, w *world) { w.refused(w.client(), "1.2.3.4", ErrUnreachable) })
}

// A compressed answer is neither asked for nor unpacked.
func TestNoCompression(t *testing.T) {
	zip := func(rw http.ResponseWriter, r *http.Request) {
		if accept := r.Header.Get("Accept-Encoding"); accept != "" {
			t.Errorf("Accept-Encoding is %q, want none", accept)
		}
		rw.Header().Set("Content-Encoding", "gzip")
		_, _ = io.WriteString(rw, "packed")
	}
	onBothProtocols(t, zip, func(t *testing.T, w *world) { w.get(w.client(), "1.2.3.4", "packed") })
}

func TestNoCookies(t *testing.T) {
	w := newWorld(t)
	w.serve("1.2.3.4:8448", func(rw http.ResponseWriter, r *http.Request) {
		if len(r.Cookies()) > 0 {
			t.Errorf("cookies %q came back", r.Cookies())
		}
		http.SetCookie(rw, &http.Cookie{Name: "a", Value: "b", Path: "/"})
		_, _ = io.WriteString(rw, "x")
	}, "1.2.3.4")
	c := w.client()
	w.get(c, "1.2.3.4", "x")
	w.get(c, "1.2.3.4", "x")
}

// A proxy would resolve and connect for us, unjudged. The standard library reads
// the proxy variables once a process, so the test looks at the transport instead.
func TestProxyVariablesAreNotHonoured(t *testing.T) {
	if newWorld(t).client().transport.Proxy != nil {
		t.Error("the transport asks for a proxy, want none")
	}
}

func TestCertificates(t *testing.T) {
	w := newWorld(t)
	w.dns.host("a.example", []string{"1.2.3.4"})
	stranger := newAuthority(t, w.clock)
	year := w.clock.AddDate(1, 0, 0)
	tests := []struct {
		name   string
		server matrix.ServerName
		cert   tls.Certificate
		ok     bool
	}{
		{"right", "a.example:1", w.ca.issue(t, year, "a.example"), true},
		{"wildcard", "a.example:1", w.ca.issue(t, year, "*.example"), true},
		{"right address", "1.2.3.4:1", w.ca.issue(t, year, "1.2.3.4"), true},
		{"wrong name", "a.example:1", w.ca.issue(t, year, "b.example"), false},
		{"only its address", "a.example:1", w.ca.issue(t, year, "1.2.3.4"), false},
		{"name for an address", "1.2.3.4:1", w.ca.issue(t, year, "a.example"), false},
		{"wrong address", "1.2.3.4:1", w.ca.issue(t, year, "1.2.3.5"), false},
		{"parent's wildcard", "a.example:1", w.ca.issue(t, year, "*.a.example"), false},
		{"unknown authority", "a.example:1", stranger.issue(t, year, "a.example"), false},
		{"the authority's own", "a.example:1", tls.Certificate{Certificate: [][]byte{w.ca.cert.Raw}, PrivateKey: w.ca.key}, false},
		{"expired", "a.example:1", w.ca.issue(t, w.clock.Add(-time.Second), "a.example"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.t = t
			w.serveWith("1.2.3.4:1", raw("x"), tt.cert, true)
			if !tt.ok {
				w.refused(w.client(), tt.server, ErrUnreachable)
				return
			}
			w.get(w.client(), tt.server, "x")
		})
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	w := newWorld(t)
	s := w.serveWith("1.2.3.4:8448", raw("x"), w.ca.issue(t, w.clock.Add(time.Hour), "1.2.3.4"), false)
	s.TLS.MinVersion, s.TLS.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	w.refused(w.client(), "1.2.3.4", ErrUnreachable)
	s.TLS.MaxVersion = tls.VersionTLS12
	w.get(w.client(), "1.2.3.4", "x")
}

// Two names on one address do not share a connection: the certificate was checked
// for one of them only.
func TestConnectionsBelongToOneName(t *testing.T) {
	w := newWorld(t)
	w.dns.host("a.example", []string{"1.2.3.4"})
	w.dns.host("b.example", []string{"1.2.3.4"})
	w.serve("1.2.3.4:1", raw("x"), "a.example")
	c := w.client()
	w.get(c, "a.example:1", "x")
	w.get(c, "a.example:1", "x")
	w.wantDials("1.2.3.4:1")
	w.refused(c, "b.example:1", ErrUnreachable)
	w.wantDials("1.2.3.4:1")
}

// A server that speaks no HTTP but echoes the request does not get our query
// string into an error text.
func TestErrorsNameNoQuery(t *testing.T) {
	const secret = "c2VjcmV0"
	w := newWorld(t)
	echo := func(rw http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, r.RequestURI+"\r\n\r\n")
		_ = conn.Close()
	}
	year := w.clock.AddDate(1, 0, 0)
	w.serveWith("1.2.3.4:8448", echo, w.ca.issue(t, year, "1.2.3.4"), false)
	w.serveWith("1.2.3.4:2", echo, w.ca.issue(t, year, "nobody.example"), false)
	for _, server := range []matrix.ServerName{"1.2.3.4", "1.2.3.4:2", "1.2.3.4:3", "127.0.0.1", "nowhere.example", "x y"} {
		r := Request{Server: server, Method: http.MethodGet, Path: "/openid?access_token=" + secret}
		_, err := w.client().Do(t.Context(), r)
		if err == nil || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "openid") {
			t.Errorf("Do(%q) = %v, want an error without path and query", server, err)
		}
		if !strings.Contains(err.Error(), string(server)) {
			t.Errorf("Do(%q) = %v, want an error that names the server", server, err)
		}
	}
}

// slowServer gives each connection, a pipe, to talk; the test ends after talk has.
func slowServer(t *testing.T, w *world, talk func(net.Conn)) {
	cert := w.ca.issue(t, w.clock.AddDate(1, 0, 0), "1.2.3.4")
	var talks sync.WaitGroup
	t.Cleanup(talks.Wait)
	w.opts.Dial = func(context.Context, string, netip.AddrPort) (net.Conn, error) {
		near, far := net.Pipe()
		talks.Go(func() {
			defer far.Close()
			talk(tls.Server(far, &tls.Config{Certificates: []tls.Certificate{cert}}))
		})
		return near, nil
	}
}

// Whatever is slow, a request without a deadline ends when its time is up.
func TestSlowServers(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n"
	drip := func(conn net.Conn, once, text string) {
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
			return
		}
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		_, _ = io.WriteString(conn, once)
		for _, b := range []byte(text) {
			if _, err := conn.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(time.Second) // of the bubble's clock
		}
	}
	tests := []struct {
		name string
		talk func(net.Conn)
		want time.Duration
	}{
		{"no handshake", func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn.(*tls.Conn).NetConn()) }, connectTimeout},
		{"no answer", func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }, defaultTimeout},
		{"dripping head", func(conn net.Conn) { drip(conn, "", head) }, defaultTimeout},
		{"dripping body", func(conn net.Conn) { drip(conn, head, strings.Repeat("a", 10000)) }, defaultTimeout},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				slowServer(t, w, tt.talk)
				began := time.Now()
				w.refused(w.client(), "1.2.3.4", ErrUnreachable)
				if took := time.Since(began); took != tt.want {
					t.Errorf("ended after %v, want %v", took, tt.want)
				}
			})
		})
	}
}

// A caller's own deadline counts, be it shorter or longer than ours.
func TestCallersDeadline(t *testing.T) {
	for _, want := range []time.Duration{time.Second, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			slowServer(t, w, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
			ctx, cancel := context.WithTimeout(t.Context(), want)
			defer cancel()
			began := time.Now()
			_, err := w.client().Do(ctx, ping("1.2.3.4"))
			if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrUnreachable) {
				t.Errorf("Do = %v, want %v and %v", err, context.DeadlineExceeded, ErrUnreachable)
			}
			if took := time.Since(began); took != want {
				t.Errorf("ended after %v, want %v", took, want)
			}
		})
	}
}

// A web server that hangs costs its share of the time, not all of it.
func TestHangingWellKnownLeavesTimeForTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.dns.host("a.example", []string{"1.2.3.4"})
		var dials []string
		w.opts.Dial = func(ctx context.Context, _ string, addr netip.AddrPort) (net.Conn, error) {
			dials = append(dials, addr.String())
			<-ctx.Done()
			return nil, ctx.Err()
		}
		w.refused(w.client(), "a.example", ErrUnreachable)
		if got := strings.Join(dials, " "); got != "1.2.3.4:443 1.2.3.4:8448" {
			t.Errorf("dialled %s, want the well-known file, then the server", got)
		}
	})
}
