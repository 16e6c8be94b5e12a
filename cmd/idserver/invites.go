package main

import (
	"time"

	"signet/internal/config"
	"signet/internal/program"
	"signet/lookup/invite"
	"signet/lookup/invite/message"
	"signet/web/page"
)

// Invitations is how long invitations count, and where they lead.
type Invitations struct {
	// ExpireAfter is how long an invitation is good, from an hour to 90 days. Default:
	// 168h, a week.
	ExpireAfter time.Duration `yaml:"expire_after"`
	// SignupURL is where those who are invited and have no account get one; the page of
	// an invitation links to it. Default: none, and the page says so in words. Example:
	// https://app.example.org/#/register.
	SignupURL string `yaml:"signup_url"`
}

const minInvitation, maxInvitation = time.Hour, 90 * 24 * time.Hour

func (i Invitations) check() config.Problems {
	var p config.Problems
	if i.ExpireAfter < minInvitation || i.ExpireAfter > maxInvitation {
		p.Add("invitations.expire_after", "must be from an hour to 90 days", "such as 168h")
	}
	if i.SignupURL != "" && !absolute(i.SignupURL) {
		p.Add("invitations.signup_url", "must be an absolute http or https URL", "such as https://app.example.org/#/register")
	}
	return p
}

func (s *server) buildInvites(env program.Env) error {
	words, err := message.New(s.cfg.Templates, s.cfg.ServerName.String(), s.cfg.host())
	if err != nil {
		return err
	}
	s.invites, err = invite.New(env.Ctx, invite.Options{
		DB:             s.DB,
		Vault:          s.Vault,
		Outbox:         s.outbox,
		Quota:          s.quota,
		Bindings:       s.directory,
		Federation:     s.federation,
		Signer:         s.keys,
		Words:          words,
		Silence:        s.verifier,
		Acquaintance:   s.gate,
		OwnHomeservers: s.cfg.ownHomeservers(),
		Fraud:          s.fraud,
		Email:          s.email,
		SMS:            s.sms,
		Links:          s.cfg.inviteLinks(),
		Name:           s.cfg.ServerName,
		ExpireAfter:    s.cfg.Invitations.ExpireAfter,
		Now:            env.Now,
		Rand:           env.Rand,
		Log:            s.log,
	})
	return err
}

func (c *Config) inviteLinks() invite.Links {
	return invite.Links{
		Page:  func(token, key string) string { return c.PublicURL + page.InvitationLink(token, key) },
		Short: func(token, key string) string { return c.PublicURL + page.ShortInvitationLink(token, key) },
		Never: func(token string) string { return c.PublicURL + page.NeverPath(token) },
	}
}
