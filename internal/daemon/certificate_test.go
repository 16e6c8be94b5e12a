package daemon

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certificates is a folder with a certificate that can be renewed.
type certificates struct {
	cert, key string
	clock     time.Time
	log       *journal
}

func newCertificates(t *testing.T) *certificates {
	t.Helper()
	dir := t.TempDir()
	c := &certificates{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), time.Now(), new(journal)}
	c.renew(t, 1)
	return c
}

// make makes the PEM of a self-signed certificate and its key.
func (c *certificates) make(t *testing.T, serial int64) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

// replace puts content in the place of a file and gives it the time of the serial,
// so that the change is seen however coarse the file system's clock is.
func replace(t *testing.T, path string, content []byte, serial int64) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Unix(serial*1000, 0)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func (c *certificates) renew(t *testing.T, serial int64) {
	t.Helper()
	cert, key := c.make(t, serial)
	replace(t, c.cert, cert, serial)
	replace(t, c.key, key, serial)
}

func (c *certificates) config(t *testing.T) *tls.Config {
	t.Helper()
	config, err := TLSConfig(c.cert, c.key, func() time.Time { return c.clock }, c.log.logger())
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// expect makes a handshake's question and compares the serial number.
func expect(t *testing.T, config *tls.Config, when string, want int64) {
	t.Helper()
	pair, err := config.GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if got := leaf.SerialNumber.Int64(); got != want {
		t.Errorf("%s: certificate %d is served, want %d", when, got, want)
	}
}

func TestCertificateRenewal(t *testing.T) {
	c := newCertificates(t)
	config := c.config(t)
	expect(t, config, "at first", 1)
	c.renew(t, 2)
	expect(t, config, "renewed a moment ago", 1)
	c.clock = c.clock.Add(reloadInterval)
	expect(t, config, "renewed a while ago", 2)
}

// TestCertificateHalfRenewed: the certificate is new and the key not yet there.
func TestCertificateHalfRenewed(t *testing.T) {
	c := newCertificates(t)
	config := c.config(t)
	cert, key := c.make(t, 2)
	replace(t, c.cert, cert, 2)
	c.clock = c.clock.Add(reloadInterval)
	expect(t, config, "half renewed", 1)
	if !strings.Contains(c.log.String(), "keeping the old one") {
		t.Errorf("the log does not tell of the broken renewal:\n%s", c.log)
	}
	replace(t, c.key, key, 2)
	c.clock = c.clock.Add(reloadInterval)
	expect(t, config, "wholly renewed", 2)
	for _, file := range []string{c.cert, c.key} {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	c.clock = c.clock.Add(reloadInterval)
	expect(t, config, "removed", 2)
}

func TestCertificateRefused(t *testing.T) {
	one, other := newCertificates(t), newCertificates(t)
	if _, err := TLSConfig(one.cert, other.key, time.Now, one.log.logger()); err == nil || !strings.Contains(err.Error(), "do not make a pair") || strings.Contains(err.Error(), "\n") {
		t.Errorf("TLSConfig of two halves = %v, want one line that says so", err)
	}
	if _, err := TLSConfig(one.cert+"-not", one.key, time.Now, one.log.logger()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("TLSConfig of a missing file = %v, want %v", err, fs.ErrNotExist)
	}
}

// TestTLSListener: with a certificate the listener speaks HTTP/2.
func TestTLSListener(t *testing.T) {
	c := newCertificates(t)
	listener := local("api", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(r.Proto)) })
	listener.TLS = c.config(t)
	r := start(t, Process{Listeners: []Listener{listener}})
	defer func() { r.stop(); <-r.done }()
	roots := x509.NewCertPool()
	if text, err := os.ReadFile(c.cert); err != nil || !roots.AppendCertsFromPEM(text) {
		t.Fatalf("no certificate to trust: %v", err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost"}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get(strings.Replace(r.urls[0], "http", "https", 1))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.ProtoMajor != 2 || resp.StatusCode != 200 {
		t.Errorf("GET = %s %d, want HTTP/2 and 200", resp.Proto, resp.StatusCode)
	}
}
