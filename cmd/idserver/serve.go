package main

import (
	"context"
	"errors"
	"log/slog"
	"net"

	"go.opentelemetry.io/otel/trace"

	"signet/internal/daemon"
	"signet/internal/program"
	"signet/web/page"
)

type serveCommand struct{}

// Run serves until env's context ends, then drains.
func (serveCommand) Run(env program.Env) error {
	cfg, err := load(env.ConfigFile)
	if err != nil {
		return err
	}
	storage, err := openStorage(env, cfg)
	if err != nil {
		return err
	}
	log := daemon.NewLogger(env.Stderr, cfg.Log)
	return errors.Join(serve(env, cfg, storage, log), storage.Close())
}

func serve(env program.Env, cfg *Config, storage *program.Storage, log *slog.Logger) error {
	return idserver.Traced(env, log, func(tracer trace.TracerProvider) error {
		s, err := build(env, cfg, storage, log, tracer)
		if err != nil {
			return err
		}
		listeners, err := program.Listeners(env, &cfg.Common, log, s.handler, s.metrics)
		if err != nil {
			return err
		}
		return daemon.Process{
			Log:          log,
			Listeners:    listeners,
			Background:   []func(context.Context) error{s.outbox.Run, s.quota.Run, s.verifier.Run, s.gate.Run},
			DrainTimeout: cfg.DrainTimeout,
			Health:       s.health,
			Ready:        s.greet,
		}.Run(env.Ctx)
	})
}

// greet tells the one who started the server where to go.
func (s *server) greet([]net.Addr) {
	s.log.Info("the identity server is ready", "server_name", s.cfg.ServerName, "page", s.cfg.PublicURL+"/", "version", daemon.Version())
	if s.cfg.Development {
		s.log.Warn("DEVELOPMENT MODE: on this machine only; start with --config FILE for anything else")
		s.log.Info("messages that are not sent land in the development mailbox", "mailbox", s.cfg.PublicURL+page.MailboxPath, "email_sent_by", s.cfg.Email.SMTP)
	}
	if s.cfg.Captcha.When == "always" {
		s.log.Warn("captcha.when has no effect in this release")
	}
	if s.cfg.Limits.DryRun {
		s.log.Warn("limits.dry_run: budgets against abuse are counted and refuse nothing")
	}
}
