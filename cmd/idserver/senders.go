package main

import (
	"fmt"
	"net/mail"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"signet/internal/config"
	"signet/internal/deliver"
	"signet/internal/deliver/sms"
	"signet/internal/program"
	"signet/verify"
)

// senders says how messages leave: as configured; in development mode, what has no other
// way lands in the mailbox. A nil sender means that the medium is not served.
func (s *server) senders(env program.Env) (email verify.EmailSender, texts verify.SMSSender, err error) {
	if s.cfg.Development {
		if s.mailbox, err = deliver.NewMailbox(filepath.Join(s.cfg.DataDir, "mailbox"), env.Now); err != nil {
			return nil, nil, err
		}
		email = s.mailbox
	}
	if s.cfg.Email.SMTP != "" {
		if email, err = newSMTP(env, s.cfg); err != nil {
			return nil, nil, err
		}
	}
	chain, err := s.smsChain()
	if err != nil || chain == nil {
		return email, nil, err
	}
	return email, chain, nil
}

// smsChain is the SMS providers, nil for none.
func (s *server) smsChain() (*sms.Chain, error) {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "signet_idserver_sms_requests_total",
		Help: "Requests to SMS providers, by provider and outcome.",
	}, []string{"provider", "outcome"})
	s.metrics.MustRegister(requests)
	observe := func(provider string, outcome sms.Outcome) { requests.WithLabelValues(provider, string(outcome)).Inc() }
	if len(s.cfg.SMS.Order) == 0 && s.mailbox != nil {
		return sms.NewChain(sms.ChainOptions{Providers: []sms.Provider{mailboxProvider{s.mailbox}}, Observe: observe})
	}
	chain, err := s.cfg.SMS.chain(sms.Network{}, observe)
	if err != nil {
		return nil, fmt.Errorf("sms: %w", err)
	}
	return chain, nil
}

// mailboxProvider is the development mailbox as an SMS provider.
type mailboxProvider struct{ *deliver.Mailbox }

// Name tells it from other providers.
func (mailboxProvider) Name() string { return "mailbox" }

func newSMTP(env program.Env, cfg *Config) (*deliver.SMTP, error) {
	from, err := mail.ParseAddress(cfg.Email.From)
	if err != nil {
		return nil, fmt.Errorf("reading email.from: %w", err)
	}
	password, err := config.Secret(cfg.Email.PasswordFile, smtpPasswordVariable)
	if err != nil {
		return nil, fmt.Errorf("email.password_file: %w", err)
	}
	return deliver.NewSMTP(deliver.SMTPOptions{
		Addr:     cfg.Email.SMTP,
		TLS:      cfg.Email.TLS,
		From:     *from,
		Username: cfg.Email.Username,
		Password: password,
		HELO:     cfg.host(),
		Clock:    env.Now,
		MaxIdle:  8,
		IdleTime: 20 * time.Second,
	}), nil
}
