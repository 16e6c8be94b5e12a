package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"signet/internal/config"
	"signet/internal/daemon"
)

type serveCommand struct{}

// Run serves until env's context ends, then drains.
func (serveCommand) Run(env environment) error {
	cfg, err := load(env.config)
	if err != nil {
		return err
	}
	storage, err := openStorage(env, cfg)
	if err != nil {
		return err
	}
	log := daemon.NewLogger(env.stderr, cfg.Log)
	return errors.Join(serve(env, cfg, storage, log), storage.db.Close())
}

// flushTimeout is how long the last traces may take to be sent.
const flushTimeout = 5 * time.Second

func serve(env environment, cfg Config, storage *storage, log *slog.Logger) error {
	tracer, stopTracing, err := daemon.StartTracing(env.ctx, "homeserver", daemon.Version(), env.getenv)
	if err != nil {
		return err
	}
	defer func() {
		flush, cancel := context.WithTimeout(context.WithoutCancel(env.ctx), flushTimeout)
		defer cancel()
		if err := stopTracing(flush); err != nil {
			log.Warn("the last traces were not sent", "error", err)
		}
	}()
	s, err := build(env, cfg, storage, log, tracer)
	if err != nil {
		return err
	}
	process, err := s.process(env)
	if err != nil {
		return err
	}
	return process.Run(env.ctx)
}

// process is the server as it listens: to clients, to other servers, and to those
// who measure it.
func (s *server) process(env environment) (daemon.Process, error) {
	clients := daemon.Listener{Name: "client API", Addr: s.cfg.Listen, Handler: s.clients}
	federation := daemon.Listener{Name: "federation", Addr: s.cfg.Federation.Listen, Handler: s.federation}
	var err error
	if clients.TLS, err = clientTLS(env, s.cfg, s.log); err != nil {
		return daemon.Process{}, err
	}
	if federation.TLS, err = federationTLS(env, s.cfg, s.log); err != nil {
		return daemon.Process{}, err
	}
	listeners := []daemon.Listener{clients, federation}
	if s.cfg.MetricsListen != "" {
		metrics := daemon.Listener{Name: "metrics", Addr: s.cfg.MetricsListen, Handler: daemon.Metrics(s.metrics)}
		if !config.Loopback(s.cfg.MetricsListen) {
			metrics.TLS = clients.TLS
		}
		listeners = append(listeners, metrics)
	}
	return daemon.Process{
		Log:          s.log,
		Listeners:    listeners,
		Background:   []func(context.Context) error{s.accounts.Run},
		DrainTimeout: s.cfg.DrainTimeout,
		Health:       s.health,
		Ready:        s.greet,
	}, nil
}

// greet tells the one who started the server where everything is.
func (s *server) greet(bound []net.Addr) {
	s.log.Info("the homeserver is ready", "server_name", s.cfg.ServerName, "version", daemon.Version())
	s.log.Info("clients connect here", "url", s.cfg.PublicURL, "listening_on", bound[0].String())
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
		s.log.Warn("whoever reaches the client API may register, as it listens on loopback; name a proxy before it in behind_proxy to close registration")
	}
}
