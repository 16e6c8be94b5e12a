package main

import (
	"context"
	"net"

	"signet/internal/config"
	"signet/internal/daemon"
	"signet/internal/program"
	"signet/web/page"
)

type serveCommand struct{}

// Run serves until env's context ends, then drains.
func (serveCommand) Run(env program.Env) error { return idserver.Serve(env, process) }

func process(f program.Frame) (daemon.Process, error) {
	s, err := build(f)
	if err != nil {
		return daemon.Process{}, err
	}
	listeners, err := f.Listeners(s.handler, s.metrics)
	return daemon.Process{
		Listeners:  listeners,
		Background: []func(context.Context) error{s.outbox.Run, s.fraud.Run, s.directory.Run, s.people.Run, s.servers.Run},
		Sweeps: []daemon.Sweep{
			{What: "ended jobs of the outbox", Do: s.outbox.Sweep},
			{What: "full budgets", Do: s.quota.Sweep},
			{What: "expired CAPTCHAs", Do: s.captcha.Sweep},
			{What: "old counts of text messages", Do: s.fraud.Sweep},
			{What: "old verification sessions", Do: s.verifier.Sweep},
			{What: "what was looked up with old peppers", Do: s.directory.Sweep},
			{What: "old invitations", Do: s.invites.Sweep},
			{What: "what callers have left behind", Do: s.gate.Sweep},
			{What: "other servers' former key documents", Do: s.notary.Sweep},
			{What: "bindings that have ended", Do: s.directory.Expire},
			{What: "reminders of bindings that will end", Do: s.notices.Remind},
		},
		Health: s.health,
		Ready:  s.greet,
	}, err
}

// greet tells the one who started the server where to go.
func (s *server) greet([]net.Addr) {
	s.log.Info("the identity server is ready", "server_name", s.cfg.ServerName, "page", s.cfg.PublicURL+"/", "version", daemon.Version())
	if s.cfg.Development {
		s.log.Warn("DEVELOPMENT MODE: on this machine only; start with --config FILE for anything else")
		s.log.Info("messages that are not sent land in the development mailbox", "mailbox", s.cfg.PublicURL+page.MailboxPath, "email_sent_by", s.cfg.Email.SMTP)
	}
	if !s.cfg.Development && config.Loopback(s.cfg.Listen) && len(s.cfg.BehindProxy) == 0 {
		s.log.Warn("behind_proxy names no proxy: if one stands before this listener, all people share its budget of messages")
	}
	if len(s.cfg.SMS.Order) > 0 && len(s.cfg.SMS.Countries) == 0 {
		s.log.Warn("sms.countries is empty: no text message is sent until it lists a country")
	}
	if s.cfg.Limits.DryRun {
		s.log.Warn("limits.dry_run: budgets against abuse are counted and refuse nothing")
	}
}
