package main

import (
	"crypto/rand"

	"signet/internal/idclient"
	"signet/internal/program"
)

// identity is the identity servers that this homeserver uses.
type identity struct {
	client  *idclient.Client
	trusted idclient.Trusted
}

// buildIdentity comes after the peers, whose way out it takes.
func (s *server) buildIdentity(f program.Frame) (err error) {
	s.identity.client = idclient.New(idclient.Options{
		Federation: s.peers.client,
		ServerName: s.cfg.ServerName,
		Key:        s.signs.signingKey,
		Now:        f.Now,
		Rand:       rand.Reader,
	})
	s.identity.trusted, err = idclient.ParseTrusted(s.cfg.IdentityServer, s.cfg.TrustedIdentityServers)
	return err
}
