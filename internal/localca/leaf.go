package localca

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/idna"
)

// ErrName is the error of a name that no certificate can be issued for.
var ErrName = errors.New("neither a host name nor an IP address")

// Issue makes a certificate for host names and IP addresses, valid for 30 days or
// as long as the authority is, with a key of its own that is kept nowhere.
func (a *Authority) Issue(names []string) (tls.Certificate, error) {
	template, err := a.template(names)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("issuing a certificate: %w", err)
	}
	key, err := newKey(a.random)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("issuing a certificate: %w", err)
	}
	der, err := x509.CreateCertificate(a.random, template, a.cert, key.Public(), a.key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("issuing a certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("issuing a certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

func (a *Authority) template(names []string) (*x509.Certificate, error) {
	serial, err := newSerial(a.random)
	if err != nil {
		return nil, err
	}
	now := a.now()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{Organization: []string{"Signet local authority"}},
		NotBefore:    now.Add(-skew),
		NotAfter:     slices.MinFunc([]time.Time{now.Add(leafLife), a.cert.NotAfter}, time.Time.Compare),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
			continue
		}
		host, err := idna.Lookup.ToASCII(name)
		if err != nil || host == "" {
			return nil, fmt.Errorf("%q: %w", name, ErrName)
		}
		template.DNSNames = append(template.DNSNames, host)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no name given: %w", ErrName)
	}
	return template, nil
}

// TLSConfig serves a certificate for the names and issues the next one when a
// third of its life is left.
func (a *Authority) TLSConfig(names []string) (*tls.Config, error) {
	first, err := a.Issue(names)
	if err != nil {
		return nil, err
	}
	r := &renewer{authority: a, names: names, pair: &first}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: r.certificate}, nil
}

type renewer struct {
	authority *Authority
	names     []string

	mu   sync.Mutex // guards pair: one handshake renews it, the others wait for it
	pair *tls.Certificate
}

func (r *renewer) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pair.Leaf.NotAfter.Sub(r.authority.now()) > leafLife/3 {
		return r.pair, nil
	}
	next, err := r.authority.Issue(r.names)
	if err != nil {
		return nil, err
	}
	r.pair = &next
	return r.pair, nil
}
