package main

import (
	"fmt"
	"net/mail"
	"path/filepath"
	"time"

	"signet/internal/config"
	"signet/internal/deliver"
	"signet/internal/program"
	"signet/verify"
)

// senders says how messages leave: e-mail by the configured mail server; in
// development mode, what has no other way lands in the mailbox. A nil sender means
// that the medium is not served.
func (s *server) senders(env program.Env) (email verify.EmailSender, sms verify.SMSSender, err error) {
	if s.cfg.Development {
		if s.mailbox, err = deliver.NewMailbox(filepath.Join(s.cfg.DataDir, "mailbox"), env.Now); err != nil {
			return nil, nil, err
		}
		email, sms = s.mailbox, s.mailbox
	}
	if s.cfg.Email.SMTP != "" {
		if email, err = newSMTP(env, s.cfg); err != nil {
			return nil, nil, err
		}
	}
	return email, sms, nil
}

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
