package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// makePair writes a self-signed certificate and its key.
func makePair(t *testing.T) TLS {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return TLS{
		Cert: write(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))),
		Key:  write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))),
	}
}

func TestTLSCheck(t *testing.T) {
	one, other := makePair(t), makePair(t)
	junk := write(t, "junk.pem", "junk")
	for _, test := range []struct {
		name string
		pair TLS
		want string
	}{
		{"none", TLS{}, ""},
		{"a pair", one, ""},
		{"two halves of two pairs", TLS{one.Cert, other.Key}, "c: certificate " + one.Cert + " and key " + other.Key + " do not make a pair"},
		{"swapped", TLS{one.Key, one.Cert}, "do not make a pair"},
		{"junk", TLS{junk, junk}, "do not make a pair"},
		{"no key", TLS{Cert: one.Cert}, "k: is missing"},
		{"no certificate", TLS{Key: one.Key}, "c: is missing"},
		{"key not there", TLS{one.Cert, "/nowhere/key.pem"}, "reading the private key: open /nowhere/key.pem"},
	} {
		got := test.pair.Check("c", "k")
		if test.want == "" && len(got) > 0 || test.want != "" && (len(got) != 1 || !strings.Contains(got.Error(), test.want)) {
			t.Errorf("%s: Check() = %v, want %q", test.name, got, test.want)
		}
		if strings.Contains(got.Error(), "\n") {
			t.Errorf("%s: Check() needs more than one line: %v", test.name, got)
		}
	}
}

func TestFederation(t *testing.T) {
	pair := makePair(t)
	pool := x509.NewCertPool()
	if err := (Federation{CAFile: pair.Cert}).AppendTo(pool); err != nil || pool.Equal(x509.NewCertPool()) {
		t.Errorf("AppendTo = %v, or the pool is still empty", err)
	}
	if err := (Federation{CAFile: pair.Key}).AppendTo(pool); !errors.Is(err, ErrNoCertificate) {
		t.Errorf("AppendTo of a key = %v, want %v", err, ErrNoCertificate)
	}
	for file, want := range map[string]int{"": 0, pair.Cert: 0, pair.Key: 1, filepath.Dir(pair.Cert): 1} {
		if got := (Federation{CAFile: file}).Check(); len(got) != want {
			t.Errorf("Check of ca_file %q = %v, want %d problems", file, got, want)
		}
	}
}
