package main

import (
	"crypto/tls"
	"log/slog"

	"signet/internal/config"
	"signet/internal/daemon"
	"signet/internal/localca"
)

// clientTLS is the certificate of the client API, nil for plain HTTP.
func clientTLS(env environment, cfg Config, log *slog.Logger) (*tls.Config, error) {
	if !cfg.TLS.Set() {
		return nil, nil
	}
	return daemon.TLSConfig(cfg.TLS.Cert, cfg.TLS.Key, env.now, log)
}

// federationTLS is the certificate of the server-server API: the configured one,
// or one of the authority in the data directory. In development mode the identity
// server trusts that authority, as both programs share the directory.
func federationTLS(env environment, cfg Config, log *slog.Logger) (*tls.Config, error) {
	if pair := cfg.Federation.pair(); pair.Set() {
		return daemon.TLSConfig(pair.Cert, pair.Key, env.now, log)
	}
	authority, err := localca.Open(cfg.DataDir, env.now, env.rand)
	if err != nil {
		return nil, err
	}
	if !cfg.Development {
		log.Warn("no certificate is configured for federation; other servers must trust this authority", "ca_file", authority.CAFile())
	}
	return authority.TLSConfig(cfg.certificateNames())
}

// certificateNames is what other servers may call this one: by its name, and on
// the machine itself by any name of that.
func (c *Config) certificateNames() []string {
	names := []string{c.ServerName.Host()}
	if !config.Loopback(c.Federation.Listen) {
		return names
	}
	for _, local := range []string{"localhost", "127.0.0.1", "::1"} {
		if local != names[0] {
			names = append(names, local)
		}
	}
	return names
}
