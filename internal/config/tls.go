package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// TLS is a certificate and its private key, as PEM files. Both or neither.
type TLS struct {
	// Cert is the file of the certificate with its chain. Example: fullchain.pem.
	Cert string `yaml:"cert"`
	// Key is the file of the certificate's private key. Example: privkey.pem.
	Key string `yaml:"key"`
}

// Set tells whether a certificate is configured.
func (t TLS) Set() bool { return t.Cert != "" || t.Key != "" }

// Load reads the pair from its files; the error is one line that names the file.
func (t TLS) Load() (tls.Certificate, error) {
	cert, err := os.ReadFile(t.Cert)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("reading the certificate: %w", err)
	}
	key, err := os.ReadFile(t.Key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("reading the private key: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("certificate %s and key %s do not make a pair: %w", t.Cert, t.Key, err)
	}
	return pair, nil
}

// Check tells whether the pair is whole and can be loaded, or is not set at all.
// The keys are the names that the file gives to the two halves.
func (t TLS) Check(certKey, keyKey string) Problems {
	var p Problems
	switch {
	case !t.Set():
	case t.Cert == "":
		p.Add(certKey, "is missing", "a key needs its certificate; give both or neither")
	case t.Key == "":
		p.Add(keyKey, "is missing", "a certificate needs its private key; give both or neither")
	default:
		if _, err := t.Load(); err != nil {
			p.Add(certKey, err.Error(), "PEM files that this user can read, paths relative to the working directory")
		}
	}
	return p
}

// Federation is how far the server trusts the other servers it talks to.
type Federation struct {
	// AllowNetworks is the private networks where other servers may be reached.
	// Default: none, public addresses only. Example: [10.0.0.0/8].
	AllowNetworks Networks `yaml:"allow_networks"`
	// CAFile is a PEM file of certificate authorities to trust besides the
	// system's. Default: none.
	CAFile string `yaml:"ca_file"`
}

// ErrNoCertificate is the error of a CA file that holds no certificate.
var ErrNoCertificate = errors.New("holds no PEM certificate")

// AppendTo adds the authorities of CAFile, if there is one, to a pool.
func (f Federation) AppendTo(pool *x509.CertPool) error {
	if f.CAFile == "" {
		return nil
	}
	text, err := os.ReadFile(f.CAFile)
	if err != nil {
		return fmt.Errorf("reading certificate authorities: %w", err)
	}
	if !pool.AppendCertsFromPEM(text) {
		return fmt.Errorf("%s: %w", f.CAFile, ErrNoCertificate)
	}
	return nil
}

// Check tells whether the CA file can be read.
func (f Federation) Check() Problems {
	var p Problems
	if err := f.AppendTo(x509.NewCertPool()); err != nil {
		p.Add("federation.ca_file", err.Error(), "a PEM file that this user can read")
	}
	return p
}
