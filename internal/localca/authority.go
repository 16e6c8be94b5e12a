package localca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// The ways in which the files of an authority cannot be used.
var (
	ErrCorrupt = errors.New("cannot be read (restore it, or remove ca.pem and ca-key.pem to start a new authority)")
	ErrExpired = errors.New("is not valid now (check the clock, or remove ca.pem and ca-key.pem to start a new authority)")
	ErrExposed = errors.New("can be read by every user (chmod 600)")
	ErrNoKey   = errors.New("is missing while ca.pem is there (restore it, or remove ca.pem to start a new authority)")
)

// How long certificates are valid. A start an hour in the past forgives clocks
// that differ.
const (
	caLife   = 10 * 365 * 24 * time.Hour
	leafLife = 30 * 24 * time.Hour
	skew     = time.Hour
)

// Authority issues certificates for the listeners of this machine. Its methods
// may be called at the same time.
type Authority struct {
	file   string
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	now    func() time.Time
	random io.Reader
}

// Open opens the authority in a directory and makes directory and authority on
// first use. Random feeds serial numbers; the keys' randomness is the runtime's.
func Open(dir string, now func() time.Time, random io.Reader) (*Authority, error) {
	a := &Authority{file: filepath.Join(dir, certName), now: now, random: random}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the authority's directory: %w", err)
	}
	if err := a.openKey(filepath.Join(dir, keyName)); err != nil {
		return nil, fmt.Errorf("opening the authority's key: %w", err)
	}
	if err := a.openCert(); err != nil {
		return nil, fmt.Errorf("opening the authority's certificate: %w", err)
	}
	return a, nil
}

// CAFile is the path of the authority's certificate, for clients that are to
// trust it.
func (a *Authority) CAFile() string { return a.file }

// Pool is the system's authorities and this one. Where the system has none that
// can be read, this one stands alone.
func (a *Authority) Pool() *x509.CertPool {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pool.AddCert(a.cert)
	return pool
}

// openKey reads the key; the first program to come makes it. The key decides a
// race: the certificate is made from whichever key is on the disk.
func (a *Authority) openKey(path string) (err error) {
	a.key, err = readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// Certificate first, key second would be a lost key: making another would
	// silently replace an authority that others already trust.
	if _, err := os.Lstat(a.file); !errors.Is(err, fs.ErrNotExist) {
		return a.keyAfterAll(path)
	}
	key, err := newKey(a.random)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := publish(path, encode(keyBlock, der), 0o600); err != nil {
		return err
	}
	a.key, err = readKey(path)
	return err
}

// keyAfterAll looks once more: another program may have published key and
// certificate between our two looks.
func (a *Authority) keyAfterAll(path string) (err error) {
	a.key, err = readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", path, ErrNoKey)
	}
	return err
}

// openCert reads the certificate; the first program to come makes it.
func (a *Authority) openCert() (err error) {
	a.cert, err = readCert(a.file)
	if errors.Is(err, fs.ErrNotExist) {
		if err := a.publishCert(); err != nil {
			return err
		}
		a.cert, err = readCert(a.file)
	}
	if err != nil {
		return err
	}
	return a.check()
}

func (a *Authority) publishCert() error {
	serial, err := newSerial(a.random)
	if err != nil {
		return err
	}
	now := a.now()
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: fmt.Sprintf("Signet local authority %x", serial.Bytes()[:4])},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(caLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(a.random, template, template, a.key.Public(), a.key)
	if err != nil {
		return err
	}
	return publish(a.file, encode(certBlock, der), 0o644)
}

// check refuses a certificate that no client would accept what is issued under.
func (a *Authority) check() error {
	switch now := a.now(); {
	case !a.cert.IsCA:
		return corrupt(a.file, errors.New("not the certificate of an authority"))
	case !a.key.PublicKey.Equal(a.cert.PublicKey):
		return corrupt(a.file, errors.New("belongs to another key"))
	case a.cert.CheckSignatureFrom(a.cert) != nil:
		return corrupt(a.file, errors.New("not signed by its own key"))
	case now.Before(a.cert.NotBefore) || now.After(a.cert.NotAfter):
		return fmt.Errorf("%s: %w", a.file, ErrExpired)
	}
	return nil
}

func newKey(random io.Reader) (*ecdsa.PrivateKey, error) {
	return ecdsa.GenerateKey(elliptic.P256(), random)
}

// newSerial is 128 random bits, positive and never short (RFC 5280, 4.1.2.2).
func newSerial(random io.Reader) (*big.Int, error) {
	raw := make([]byte, 16)
	if _, err := io.ReadFull(random, raw); err != nil {
		return nil, fmt.Errorf("drawing a serial number: %w", err)
	}
	raw[0] = raw[0]&0x7f | 0x40
	return new(big.Int).SetBytes(raw), nil
}
