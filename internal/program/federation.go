package program

import (
	"crypto/x509"
	"fmt"
	"net/netip"

	"signet/internal/config"
	"signet/internal/daemon"
	"signet/internal/fedclient"
	"signet/internal/localca"
)

// Federation reaches other servers. In development mode it trusts loopback and the
// certificate authority in the data directory, which the two programs share there.
func (env Env) Federation(cfg *config.Common, f config.Federation) (*fedclient.Client, error) {
	networks := f.AllowNetworks
	if cfg.Development {
		networks = append(networks, netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
	}
	roots, err := env.roots(cfg, f)
	if err != nil {
		return nil, err
	}
	return fedclient.New(fedclient.Options{
		AllowNetworks: networks,
		RootCAs:       roots,
		Now:           env.Now,
		UserAgent:     "Signet/" + daemon.Version(),
	}), nil
}

// roots are the certificate authorities that other servers may have; nil is the system's.
func (env Env) roots(cfg *config.Common, f config.Federation) (*x509.CertPool, error) {
	switch {
	case cfg.Development:
		ca, err := localca.Open(cfg.DataDir, env.Now, env.Rand)
		if err != nil {
			return nil, err
		}
		roots := ca.Pool()
		return roots, f.AppendTo(roots)
	case f.CAFile != "":
		roots, err := x509.SystemCertPool()
		if err != nil {
			return nil, fmt.Errorf("reading the system's certificate authorities: %w", err)
		}
		return roots, f.AppendTo(roots)
	default:
		return nil, nil
	}
}
