package main

import (
	"signet/internal/fedclient"
	"signet/internal/homeserver/devicelists"
	"signet/internal/homeserver/outbound"
	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/verifykeys"
	"signet/internal/keyring"
	"signet/internal/program"
)

// peers is other servers, as this one reaches them.
type peers struct {
	client   *fedclient.Client
	remote   *remote.Client   // asks them
	keys     *verifykeys.Keys // by which they sign
	outbound *outbound.Outbound
	lists    *devicelists.Lists // of their users
}

// buildPeers opens what leads to other servers. It comes before the rooms, whose events are
// queued there.
func (s *server) buildPeers(f program.Frame) (err error) {
	if s.peers.client, err = f.Env.Federation(s.cfg.Shared(), s.cfg.Federation.Federation); err != nil {
		return err
	}
	s.signs = &signer{ring: s.Rings.For(keyring.Federation), server: s.cfg.ServerName, now: f.Now}
	s.peers.remote = remote.New(remote.Options{Federation: s.peers.client, ServerName: s.cfg.ServerName, Signer: s.signs.current})
	s.peers.keys = verifykeys.New(verifykeys.Options{
		DB:         s.DB,
		ServerName: s.cfg.ServerName,
		Own:        s.Rings.For(keyring.Federation),
		Direct:     s.peers.client,
		Notaries:   s.peers.remote,
		Trusted:    s.cfg.Federation.Notaries,
		Now:        f.Now,
	})
	s.peers.outbound, err = outbound.New(f.Ctx, outbound.Options{DB: s.DB, Stream: s.stream, Remote: s.peers.remote, Now: f.Now, Log: s.log})
	if err == nil {
		s.peers.remote.Peers = s.peers.outbound
	}
	return err
}
