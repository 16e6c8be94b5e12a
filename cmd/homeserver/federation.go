package main

import (
	"crypto/x509"
	"fmt"
	"net/netip"

	"signet/internal/config"
	"signet/internal/daemon"
	"signet/internal/fedclient"
	"signet/internal/localca"
	"signet/internal/program"
)

// newFederation reaches other servers. In development mode it trusts loopback and the
// certificate authority in the data directory, which the identity server shares.
func newFederation(env program.Env, cfg *Config) (*fedclient.Client, error) {
	networks, roots, err := trusted(env, cfg)
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

func trusted(env program.Env, cfg *Config) (config.Networks, *x509.CertPool, error) {
	networks := cfg.Federation.AllowNetworks
	var roots *x509.CertPool // nil is the system's
	switch {
	case cfg.Development:
		ca, err := localca.Open(cfg.DataDir, env.Now, env.Rand)
		if err != nil {
			return nil, nil, err
		}
		networks = append(networks, netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
		roots = ca.Pool()
	case cfg.Federation.CAFile != "":
		system, err := x509.SystemCertPool()
		if err != nil {
			return nil, nil, fmt.Errorf("reading the system's certificate authorities: %w", err)
		}
		roots = system
	}
	if roots == nil {
		return networks, nil, nil
	}
	return networks, roots, cfg.Federation.AppendTo(roots)
}
