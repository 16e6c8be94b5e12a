package main

import (
	"context"
	"net"
	"slices"

	"signet/internal/daemon"
	"signet/internal/program"
)

type serveCommand struct{}

// Run serves until env's context ends, then drains.
func (serveCommand) Run(env program.Env) error { return homeserver.Serve(env, process) }

func process(f program.Frame) (daemon.Process, error) {
	s, err := build(f)
	if err != nil {
		return daemon.Process{}, err
	}
	listeners, err := s.listeners(f)
	return daemon.Process{
		Listeners: listeners,
		Background: []func(context.Context) error{
			s.write, s.accounts.Remember, s.depart, s.introduce, s.sayFarewell, s.publish, s.outbox.Run, s.watchBlocks, s.watchMedia, s.readPeople, s.watchDirectory, s.exchange, s.typing.Run, s.peers.outbound.Run, s.inbound.Run,
		},
		Sweeps: []daemon.Sweep{
			{What: "expired sessions and tokens", Do: s.accounts.Sweep},
			{What: "codes of a day ago", Do: s.contacts.Sweep},
			{What: "notices that were given, or given up", Do: s.outbox.Sweep},
			{What: "full budgets", Do: s.quota.Sweep},
			{What: "transaction ids of a day ago", Do: s.rooms.Sweep},
			{What: "old transactions and deleted devices", Do: s.encryption.Sweep},
			{What: "what waits for servers that do not come back", Do: s.peers.outbound.Sweep},
			{What: "devices of people elsewhere whom nobody asks for", Do: s.peers.lists.Sweep},
			{What: "transactions of other servers a day ago", Do: s.transactions.Sweep},
			{What: "invitations of addresses that have ended", Do: s.thirdParty.Sweep},
			{What: "deleted backups of room keys", Do: s.backups.Sweep},
			{What: "proofs of the key directory of long ago", Do: s.sweepDirectory},
		},
		Health:   s.health,
		Draining: s.sync.End,
		Ready:    s.greet,
	}, err
}

// listeners are for clients, for other servers, and for those who measure.
func (s *server) listeners(f program.Frame) ([]daemon.Listener, error) {
	listeners, err := f.Listeners(s.clients, s.metrics)
	if err != nil {
		return nil, err
	}
	federation := daemon.Listener{Name: "federation", Addr: s.cfg.Federation.Listen, Handler: s.federation}
	if federation.TLS, err = federationTLS(f.Env, s.cfg, s.log); err != nil {
		return nil, err
	}
	return slices.Insert(listeners, 1, federation), nil
}

// greet tells the one who started the server where everything is.
func (s *server) greet(bound []net.Addr) {
	s.log.Info("the homeserver is ready", "server_name", s.cfg.ServerName, "version", daemon.Version())
	s.log.Info("clients connect here", "url", s.cfg.PublicURL, "listening_on", bound[0].String())
	if s.cfg.WebClient {
		s.log.Info("people sign up and talk here", "web_client", s.cfg.PublicURL+"/")
	}
	s.log.Info("other servers connect here, over TLS", "address", s.cfg.federationName(), "listening_on", bound[1].String())
	if s.cfg.IdentityServer != "" {
		s.log.Info("clients are told to use this identity server", "url", s.cfg.IdentityServer)
	}
	if len(bound) > 2 {
		s.log.Info("metrics are measured here", "path", "/metrics", "listening_on", bound[2].String())
	}
	switch {
	case s.cfg.Development:
		s.log.Warn("DEVELOPMENT MODE: on this machine only, where anybody may register; start with --config FILE for anything else")
	case s.cfg.openRegistration():
		s.log.Warn("whoever reaches the client API may register; registration.flows says who else may", "flows", s.cfg.flows())
	}
}
