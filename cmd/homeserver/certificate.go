package main

import (
	"crypto/tls"
	"log/slog"

	"signet/internal/config"
	"signet/internal/daemon"
	"signet/internal/localca"
	"signet/internal/program"
)

// federationTLS is the certificate of the server-server API: the configured one,
// or one of the authority in the data directory. In development mode the identity
// server trusts that authority, as both programs share the directory.
func federationTLS(env program.Env, cfg *Config, log *slog.Logger) (*tls.Config, error) {
	if pair := cfg.Federation.pair(); pair.Set() {
		return daemon.TLSConfig(pair.Cert, pair.Key, env.Now, log)
	}
	authority, err := localca.Open(cfg.DataDir, env.Now, env.Rand)
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
