package program

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"signet/internal/config"
	"signet/internal/localca"
)

type justCommon struct{ config.Common }

func (c *justCommon) Check() config.Problems { return nil }

// writePair writes a certificate for localhost and its key.
func writePair(t *testing.T) config.TLS {
	t.Helper()
	dir := t.TempDir()
	ca, err := localca.Open(dir, time.Now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue([]string{"localhost"})
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	pair := config.TLS{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	for path, block := range map[string]*pem.Block{
		pair.Cert: {Type: "CERTIFICATE", Bytes: cert.Certificate[0]},
		pair.Key:  {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return pair
}

// What strangers can reach speaks TLS; metrics for this machine alone need not.
func TestWhichListenersSpeakTLS(t *testing.T) {
	pair := writePair(t)
	for _, c := range []struct {
		metrics string
		tls     config.TLS
		want    []bool
	}{
		{"", config.TLS{}, []bool{false}},
		{"127.0.0.1:9090", config.TLS{}, []bool{false, false}},
		{"127.0.0.1:9090", pair, []bool{true, false}},
		{"0.0.0.0:9090", pair, []bool{true, true}},
	} {
		cfg := &justCommon{config.Common{Listen: "127.0.0.1:8090", MetricsListen: c.metrics, TLS: c.tls}}
		f := Frame{Env: Env{Now: time.Now}, Config: cfg, Log: slog.New(slog.DiscardHandler)}
		listeners, err := f.Listeners(open, prometheus.NewRegistry())
		if err != nil || len(listeners) != len(c.want) {
			t.Fatalf("%d listeners, %v; want %d", len(listeners), err, len(c.want))
		}
		for i, l := range listeners {
			if got := l.TLS != nil; got != c.want[i] {
				t.Errorf("metrics on %q, certificate %q: %s speaks TLS: %v, want %v", c.metrics, c.tls.Cert, l.Name, got, c.want[i])
			}
		}
	}
}
