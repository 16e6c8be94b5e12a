package fedclient

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"signet/internal/matrix"
)

// world is an internet that lies wholly on loopback: names, addresses, a
// certificate authority, a clock, and a dialer that records every address it is
// asked for and connects to none but the servers of the test.
type world struct {
	t    *testing.T
	ca   authority
	dns  *fakeDNS
	opts Options

	mu      sync.Mutex // guards the rest
	clock   time.Time
	servers map[string]string // public address:port → loopback address:port
	dialled []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t:       t,
		clock:   time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		dns:     &fakeDNS{hosts: map[string][][]netip.Addr{}, srv: map[string][]*net.SRV{}},
		servers: map[string]string{},
	}
	w.ca = newAuthority(t, w.clock)
	w.opts = Options{RootCAs: w.ca.pool(), Resolver: w.dns, Dial: w.dial, Now: w.now}
	return w
}

func (w *world) client() *Client { return New(w.opts) }

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

func (w *world) dial(ctx context.Context, network string, addr netip.AddrPort) (net.Conn, error) {
	w.mu.Lock()
	w.dialled = append(w.dialled, addr.String())
	local, ok := w.servers[addr.String()]
	w.mu.Unlock()
	if !ok {
		return nil, errors.New("connection refused by the test")
	}
	return new(net.Dialer).DialContext(ctx, network, local)
}

// dials are the addresses that were to be dialled since the last call.
func (w *world) dials() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.dialled
	w.dialled = nil
	return seen
}

// serve puts a TLS server at a public address, with a certificate for names.
func (w *world) serve(addr string, h http.HandlerFunc, names ...string) *httptest.Server {
	w.t.Helper()
	return w.serveWith(addr, h, w.ca.issue(w.t, w.clock.Add(365*24*time.Hour), names...), true)
}

func (w *world) serveWith(addr string, h http.HandlerFunc, cert tls.Certificate, http2 bool) *httptest.Server {
	w.t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	s.EnableHTTP2 = http2
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	w.t.Cleanup(s.Close)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.servers[addr] = s.Listener.Addr().String()
	return s
}

// get asks for an unsigned GET and fails the test unless it is answered with want.
func (w *world) get(c *Client, server matrix.ServerName, want string) {
	w.t.Helper()
	answer, err := c.Do(w.t.Context(), ping(server))
	if err != nil || string(answer.Body) != want {
		w.t.Errorf("Do(%q) = %q, %v, want %q", server, answer.Body, err, want)
	}
}

// refused fails the test unless asking the server ends in want.
func (w *world) refused(c *Client, server matrix.ServerName, want error) {
	w.t.Helper()
	answer, err := c.Do(w.t.Context(), ping(server))
	if !errors.Is(err, want) {
		w.t.Errorf("Do(%q) = %d, %v, want %v", server, answer.Status, err, want)
	}
}

func (w *world) wantDials(want ...string) {
	w.t.Helper()
	if got := w.dials(); !slices.Equal(got, want) {
		w.t.Errorf("dialled %q, want %q", got, want)
	}
}

func ping(server matrix.ServerName) Request {
	return Request{Server: server, Method: http.MethodGet, Path: "/ping"}
}

// say answers every request with text and the Host header it came with.
func say(text string) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(rw, text+" "+r.Host) }
}

// fakeDNS answers from tables. A host with several answers gives them in turn and
// then repeats the last.
type fakeDNS struct {
	mu    sync.Mutex // guards all
	hosts map[string][][]netip.Addr
	srv   map[string][]*net.SRV // by service.name
	asked []string
}

func (d *fakeDNS) host(name string, answers ...[]string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hosts[name] = nil
	for _, answer := range answers {
		var addrs []netip.Addr
		for _, text := range answer {
			addrs = append(addrs, netip.MustParseAddr(text))
		}
		d.hosts[name] = append(d.hosts[name], addrs)
	}
}

func (d *fakeDNS) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, host)
	answers := d.hosts[host]
	if len(answers) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	if len(answers) > 1 {
		d.hosts[host] = answers[1:]
	}
	return answers[0], nil
}

func (d *fakeDNS) LookupSRV(_ context.Context, service, _, name string) (string, []*net.SRV, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, service+" "+name)
	records, ok := d.srv[service+" "+name]
	if !ok {
		return "", nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return name, records, nil
}

type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, now time.Time) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "test authority"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.AddDate(10, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert: cert, key: key}
}

func (a authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// issue makes a server certificate for names, which may be IP addresses.
func (a authority) issue(t *testing.T, until time.Time, names ...string) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		NotBefore:    a.cert.NotBefore,
		NotAfter:     until,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
			continue
		}
		template.DNSNames = append(template.DNSNames, name)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}
}
