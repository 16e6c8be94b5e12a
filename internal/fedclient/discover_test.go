package fedclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"testing"
	"time"

	"signet/internal/matrix"
)

// delegate serves a well-known file.
func delegate(to string) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) { fmt.Fprintf(rw, `{"m.server": %q}`, to) }
}

// Each step of "Resolving server names", by where it connects, the certificate it
// accepts, and the Host header that it sends.
func TestDiscoverySteps(t *testing.T) {
	tests := []struct {
		step        string
		server      matrix.ServerName
		wellKnown   string
		srv         map[string][]*net.SRV
		at          string
		certificate string
		host        string
	}{
		{"1: IPv4", "1.2.3.4", "", nil, "1.2.3.4:8448", "1.2.3.4", "1.2.3.4"},
		{"1: IPv4 and port", "1.2.3.4:99", "", nil, "1.2.3.4:99", "1.2.3.4", "1.2.3.4:99"},
		{"1: IPv6", "[2606:4700::1]", "", nil, "[2606:4700::1]:8448", "2606:4700::1", "[2606:4700::1]"},
		{"1: IPv6 and port", "[2606:4700::1]:99", "", nil, "[2606:4700::1]:99", "2606:4700::1", "[2606:4700::1]:99"},
		{"2: port", "a.example:8448", "ignored.example:1", nil, "1.0.0.1:8448", "a.example", "a.example:8448"},
		{"3.1: to IPv4", "a.example", "1.0.0.2", nil, "1.0.0.2:8448", "1.0.0.2", "1.0.0.2"},
		{"3.1: to IPv6 and port", "a.example", "[2606:4700::1]:99", nil, "[2606:4700::1]:99", "2606:4700::1", "[2606:4700::1]:99"},
		{"3.2: to port", "a.example", "b.example:99", nil, "1.0.0.2:99", "b.example", "b.example:99"},
		{
			"3.3: to SRV", "a.example", "b.example",
			map[string][]*net.SRV{"matrix-fed b.example": {{Target: "c.example.", Port: 77}}, "matrix b.example": {{Target: "a.example.", Port: 78}}},
			"1.0.0.3:77", "b.example", "b.example",
		},
		{
			"3.4: to old SRV", "a.example", "b.example",
			map[string][]*net.SRV{"matrix b.example": {{Target: "c.example.", Port: 77}}},
			"1.0.0.3:77", "b.example", "b.example",
		},
		{
			"3.5: to 8448, whatever the SRV of the first name", "a.example", "b.example",
			map[string][]*net.SRV{"matrix-fed a.example": {{Target: "c.example.", Port: 77}}},
			"1.0.0.2:8448", "b.example", "b.example",
		},
		{"3.5: to itself", "a.example", "a.example", nil, "1.0.0.1:8448", "a.example", "a.example"},
		{
			"4: SRV", "a.example", "",
			map[string][]*net.SRV{"matrix-fed a.example": {{Target: "c.example.", Port: 77}}, "matrix a.example": {{Target: "b.example.", Port: 78}}},
			"1.0.0.3:77", "a.example", "a.example",
		},
		{
			"5: old SRV", "a.example", "",
			map[string][]*net.SRV{"matrix a.example": {{Target: "c.example.", Port: 77}}},
			"1.0.0.3:77", "a.example", "a.example",
		},
		{"6: 8448", "a.example", "", nil, "1.0.0.1:8448", "a.example", "a.example"},
	}
	for _, tt := range tests {
		t.Run(tt.step, func(t *testing.T) {
			w := newWorld(t)
			w.dns.host("a.example", []string{"1.0.0.1"})
			w.dns.host("b.example", []string{"1.0.0.2"})
			w.dns.host("c.example.", []string{"1.0.0.3"})
			w.dns.srv = tt.srv
			if tt.wellKnown != "" {
				w.serve("1.0.0.1:443", delegate(tt.wellKnown), "a.example")
			}
			w.serve(tt.at, say("found"), tt.certificate)
			w.get(w.client(), tt.server, "found "+tt.host)
			if dials := w.dials(); dials[len(dials)-1] != tt.at {
				t.Errorf("dialled %q, want the last to be %q", dials, tt.at)
			}
		})
	}
}

// Names that say where to connect are not looked up any further.
func TestExplicitNamesAskNobodyElse(t *testing.T) {
	w := newWorld(t)
	w.dns.host("a.example", []string{"1.0.0.1"})
	c := w.client()
	for _, name := range []matrix.ServerName{"1.0.0.1", "a.example:8448"} {
		w.refused(c, name, ErrUnreachable)
		w.wantDials("1.0.0.1:8448")
	}
	if want := []string{"a.example"}; !slices.Equal(w.dns.asked, want) {
		t.Errorf("DNS was asked for %q, want %q", w.dns.asked, want)
	}
}

// With an SRV record, the target's own certificate proves nothing.
func TestSRVTargetMustProveTheName(t *testing.T) {
	w := newWorld(t)
	w.dns.srv["matrix-fed a.example"] = []*net.SRV{{Target: "c.example.", Port: 77}}
	w.dns.host("c.example.", []string{"1.0.0.3"})
	w.serve("1.0.0.3:77", say("impostor"), "c.example")
	w.refused(w.client(), "a.example", ErrUnreachable)
	w.wantDials("1.0.0.3:77")
}

// Records are tried in the resolver's order, which is by priority and weight; a
// target without an address, or with a forbidden one, does not end the search.
func TestSRVRecordsInOrder(t *testing.T) {
	w := newWorld(t)
	w.dns.srv["matrix-fed a.example"] = []*net.SRV{
		{Target: "gone.example.", Port: 1, Priority: 1},
		{Target: "inside.example.", Port: 2, Priority: 2},
		{Target: "dead.example.", Port: 3, Priority: 3},
		{Target: "alive.example.", Port: 4, Priority: 4},
		{Target: "spare.example.", Port: 5, Priority: 5},
	}
	w.dns.host("inside.example.", []string{"192.168.0.1"})
	w.dns.host("dead.example.", []string{"1.0.0.3", "2606:4700::3"})
	w.dns.host("alive.example.", []string{"1.0.0.4"})
	w.dns.host("spare.example.", []string{"1.0.0.5"})
	w.serve("1.0.0.4:4", say("alive"), "a.example")
	w.serve("1.0.0.5:5", say("spare"), "a.example")
	w.get(w.client(), "a.example", "alive a.example")
	w.wantDials("1.0.0.3:3", "[2606:4700::3]:3", "1.0.0.4:4")
}

func TestSRVSaysNoService(t *testing.T) {
	w := newWorld(t)
	w.dns.srv["matrix-fed a.example"] = []*net.SRV{{Target: "."}}
	w.dns.srv["matrix a.example"] = []*net.SRV{{Target: "a.example.", Port: 8448}}
	w.dns.host("a.example.", []string{"1.0.0.1"})
	w.serve("1.0.0.1:8448", say("ghost"), "a.example")
	w.refused(w.client(), "a.example", ErrUnreachable)
	w.wantDials()
	if want := []string{"a.example", "matrix-fed a.example"}; !slices.Equal(w.dns.asked, want) {
		t.Errorf("DNS was asked for %q, want %q", w.dns.asked, want)
	}
}

// A hostile zone cannot have us dial without end.
func TestAddressesAreTriedUpToABound(t *testing.T) {
	w := newWorld(t)
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprintf("1.0.1.%d", i))
	}
	w.dns.host("many.example", many)
	w.refused(w.client(), "many.example:1", ErrUnreachable)
	if got := len(w.dials()); got != maxAttempts {
		t.Errorf("dialled %d addresses, want %d", got, maxAttempts)
	}
	for i := range 100 {
		w.dns.srv["matrix-fed a.example"] = append(w.dns.srv["matrix-fed a.example"], &net.SRV{Target: fmt.Sprintf("t%d.example.", i), Port: 1})
	}
	w.dns.asked = nil
	w.refused(w.client(), "a.example", ErrUnreachable)
	if got := len(w.dns.asked); got > maxAttempts+2 {
		t.Errorf("DNS was asked %d times, want at most %d", got, maxAttempts+2)
	}
}

// Once something may have been sent, it is not sent to another address.
func TestNothingIsSentTwice(t *testing.T) {
	w := newWorld(t)
	w.dns.host("a.example", []string{"1.0.0.1", "1.0.0.2"})
	w.serve("1.0.0.1:8448", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "a.example")
	w.serve("1.0.0.2:8448", say("second"), "a.example")
	w.refused(w.client(), "a.example:8448", ErrUnreachable)
	w.wantDials("1.0.0.1:8448")
}

func TestOneDeadlineForAllAddresses(t *testing.T) {
	w := newWorld(t)
	w.dns.host("a.example", []string{"1.0.0.1", "1.0.0.2"})
	ctx, cancel := context.WithCancel(t.Context())
	w.opts.Dial = func(ctx context.Context, network string, addr netip.AddrPort) (net.Conn, error) {
		_, err := w.dial(ctx, network, addr)
		cancel()
		return nil, err
	}
	_, err := w.client().Do(ctx, ping("a.example:8448"))
	if !errors.Is(err, ErrUnreachable) {
		t.Errorf("Do = %v, want %v", err, ErrUnreachable)
	}
	w.wantDials("1.0.0.1:8448")
}

// Whoever gives up while a well-known file is being fetched does not connect to
// what the later steps would find, and does not spoil the fetch for the others.
func TestGivingUpDuringDiscovery(t *testing.T) {
	w := newWorld(t)
	w.dns.host("a.example", []string{"1.0.0.1"})
	asked, answer := make(chan struct{}, 1), make(chan struct{})
	w.serve("1.0.0.1:443", func(rw http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-answer
		delegate("a.example:99")(rw, r)
	}, "a.example")
	w.serve("1.0.0.1:99", say("found"), "a.example")
	c := w.client()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	go func() { <-asked; cancel() }()
	if _, err := c.Do(ctx, ping("a.example")); !errors.Is(err, context.Canceled) || !errors.Is(err, ErrUnreachable) {
		t.Errorf("Do = %v, want %v and %v", err, context.Canceled, ErrUnreachable)
	}
	w.wantDials("1.0.0.1:443")
	close(answer)
	w.get(c, "a.example", "found a.example:99")
	w.wantDials("1.0.0.1:99")
}

func TestServerNamesAreCheckedAtTheDoor(t *testing.T) {
	w := newWorld(t)
	for _, name := range []matrix.ServerName{"", "a.example/path", "user@a.example", "a.example:0", "[::1%lo]", "a b", "A.example"} {
		w.refused(w.client(), name, matrix.ErrServerName)
	}
	w.wantDials()
}

func TestPathsCannotChangeTheHost(t *testing.T) {
	w := newWorld(t)
	w.serve("1.2.3.4:8448", func(rw http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(rw, r.RequestURI) }, "1.2.3.4")
	c := w.client()
	bad := []string{"", "ping", "@evil.example/", ":99/", ".evil.example/", "https://evil.example/", "/a b", "/a?b c", "/a#b", "/a?b#c", "/ä", "/\r\nX: y", "*"}
	for _, path := range bad {
		_, err := c.Do(t.Context(), Request{Server: "1.2.3.4", Method: "GET", Path: path})
		if !errors.Is(err, errRequest) {
			t.Errorf("Do(%q) = %v, want %v", path, err, errRequest)
		}
	}
	w.wantDials()
	for _, path := range []string{"/", "//a", "/%2F/a%20b?c=d%26e&f=/@:", "/a?", "/_matrix/federation/v1/query?x=%F0"} {
		answer, err := c.Do(t.Context(), Request{Server: "1.2.3.4", Method: "GET", Path: path})
		if err != nil || string(answer.Body) != path {
			t.Errorf("Do(%q) asked for %q, %v", path, answer.Body, err)
		}
	}
}
