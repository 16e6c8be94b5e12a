package main

import (
	"context"
	"time"

	"signet/internal/homeserver/notary"
	"signet/internal/keyring"
	"signet/internal/serverkeys"
)

// newNotary vouches for the keys of other servers.
func (s *server) newNotary(now func() time.Time) *notary.Notary {
	o := notary.Options{
		ServerName: s.cfg.ServerName,
		Asker:      s.peers.client,
		Own: func(ctx context.Context) ([]byte, error) {
			return serverkeys.Publish(ctx, s.Rings.For(keyring.Federation), s.cfg.ServerName, now())
		},
		Signer: s.signs.current,
		Now:    now,
	}
	if s.identity.keys != nil {
		o.Directory = s.identity.keys
	}
	return notary.New(o)
}
