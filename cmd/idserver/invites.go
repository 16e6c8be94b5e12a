package main

import (
	"context"
	"net/netip"
	"time"

	"signet/internal/config"
	"signet/internal/matrix"
	"signet/internal/program"
	"signet/internal/store"
	"signet/internal/threepid"
	"signet/lookup"
	"signet/lookup/discovery"
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
		Discovery:      charged{s.directory},
		Federation:     s.federation,
		Signer:         s.keys,
		Words:          words,
		Owners:         s.verifier,
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
	s.directory.Told = append(s.directory.Told, s.acceptInvitations)
	s.directory.Holders["invitations"], s.directory.UserHolders["invitations"] = s.invites, s.invites
	return err
}

// acceptInvitations makes the invitations of an address those of the user who is behind it
// now.
func (s *server) acceptInvitations(ctx context.Context, tx *store.Tx, c lookup.Change) error {
	if !accepts(c) {
		return nil
	}
	return s.invites.Bound(ctx, tx, c.Address, c.User)
}

// accepts tells whether a change puts somebody behind an address, and so its invitations too.
func accepts(c lookup.Change) bool { return c.Kind == lookup.Bound || c.Kind == lookup.Rebound }

// charged has invitations cost what look-ups do: whether an address is bound shows in the
// answer.
type charged struct{ directory *lookup.Directory }

// Ask charges an asker who is about to be told whether an address is bound.
func (c charged) Ask(ctx context.Context, asker matrix.UserID, client netip.Addr, a threepid.Address) error {
	return c.directory.Ask(ctx, discovery.Asker{Account: asker, Homeserver: asker.Server(), Client: client}, a)
}

func (c *Config) inviteLinks() invite.Links {
	return invite.Links{
		Page:  func(token, key string) string { return c.PublicURL + page.InvitationLink(token, key) },
		Short: func(token, key string) string { return c.PublicURL + page.ShortInvitationLink(token, key) },
		Never: func(token string) string { return c.PublicURL + page.NeverPath(token) },
	}
}
