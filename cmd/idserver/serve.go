package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"time"

	"signet/internal/daemon"
	"signet/web/page"
)

type serveCommand struct{}

// Run serves until env's context ends, then drains.
func (serveCommand) Run(env environment) error {
	cfg, err := load(env.config)
	if err != nil {
		return err
	}
	log := daemon.NewLogger(env.stderr, cfg.Log)
	tracer, stopTracing, err := daemon.StartTracing(env.ctx, "idserver", daemon.Version(), env.getenv)
	if err != nil {
		return err
	}
	s, err := build(env, cfg, log, tracer)
	if err != nil {
		return err
	}
	err = s.serve(env)
	flush, cancel := context.WithTimeout(context.WithoutCancel(env.ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, stopTracing(flush), s.db.Close())
}

func (s *server) serve(env environment) error {
	api := daemon.Listener{Name: "api", Addr: s.cfg.Listen, Handler: s.handler}
	var err error
	if api.TLS, err = listenerTLS(env, s.cfg, s.log); err != nil {
		return err
	}
	listeners := []daemon.Listener{api}
	if s.cfg.MetricsListen != "" {
		listeners = append(listeners, daemon.Listener{Name: "metrics", Addr: s.cfg.MetricsListen, Handler: daemon.Metrics(s.metrics)})
	}
	return daemon.Process{
		Log:          s.log,
		Listeners:    listeners,
		Background:   []func(context.Context) error{s.outbox.Run, s.verifier.Run, s.gate.Run},
		DrainTimeout: s.cfg.DrainTimeout,
		Health:       s.health,
		Ready:        s.greet,
	}.Run(env.ctx)
}

func listenerTLS(env environment, cfg Config, log *slog.Logger) (*tls.Config, error) {
	if !cfg.TLS.Set() {
		return nil, nil
	}
	return daemon.TLSConfig(cfg.TLS.Cert, cfg.TLS.Key, env.now, log)
}

// greet tells the one who started the server where to go.
func (s *server) greet([]net.Addr) {
	s.log.Info("the identity server is ready", "server_name", s.cfg.ServerName, "page", s.cfg.PublicURL+"/", "version", daemon.Version())
	if s.cfg.Development {
		s.log.Warn("DEVELOPMENT MODE: on this machine only, and no message leaves it; start with --config FILE for anything else")
		s.log.Info("messages land in the development mailbox", "mailbox", s.cfg.PublicURL+page.MailboxPath)
	}
	if s.cfg.Captcha.When == "always" || s.cfg.Limits.DryRun {
		s.log.Warn("captcha.when and limits.dry_run have no effect in this release")
	}
}
