package main

import (
	"context"
	"crypto/rand"

	"github.com/prometheus/client_golang/prometheus"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/blocklist"
	"signet/internal/homeserver/contact"
	"signet/internal/homeserver/keydirectory"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/outbox"
	"signet/internal/program"
	"signet/internal/threepid"
)

// identity is the identity servers that this homeserver uses.
type identity struct {
	client  *idclient.Client
	trusted idclient.Trusted
	blocked *blocklist.List         // of its own choice; nil where there is none
	keys    *keydirectory.Directory // the same
}

// trusted are the identity servers that this homeserver may ask.
func (c *Config) trusted() (idclient.Trusted, error) {
	return idclient.ParseTrusted(c.IdentityServer, c.TrustedIdentityServers)
}

// buildIdentity comes after the peers, whose way out it takes.
func (s *server) buildIdentity(f program.Frame) (err error) {
	if s.identity.trusted, err = s.cfg.trusted(); err != nil {
		return err
	}
	own, there := s.identity.trusted.Default()
	s.identity.client = idclient.New(idclient.Options{
		Federation: s.peers.client,
		ServerName: s.cfg.ServerName,
		Key:        s.signs.signingKey,
		Now:        f.Now,
		Rand:       rand.Reader,
		Own:        own.URL,
		Log:        s.log,
	})
	if !there {
		return nil
	}
	s.identity.blocked, err = blocklist.Open(f.Ctx, blocklist.Options{DB: s.DB, Asker: s.identity.client, At: own, Now: f.Now, Log: s.log})
	if err != nil {
		return err
	}
	return s.buildDirectory(f, own)
}

// watchBlocks keeps the block-list as new as the identity server's until ctx ends.
func (s *server) watchBlocks(ctx context.Context) error {
	if s.identity.blocked == nil {
		return nil
	}
	return s.identity.blocked.Run(ctx)
}

// invitable is the error of inviting a user who wants no invitations, or where the homeserver of
// either is turned away: invitations of addresses are made here in the name of who asked for them.
func (s *server) invitable(ctx context.Context, by, user matrix.UserID) error {
	if err := s.refuse(by.Server()); err != nil {
		return err
	}
	if user.Server() == s.cfg.ServerName {
		return s.data.Welcomes(ctx, user)
	}
	return s.refuse(user.Server())
}

// refuse is the error of a homeserver that is turned away, as this one is by itself never.
func (s *server) refuse(server matrix.ServerName) error {
	if server == s.cfg.ServerName {
		return nil
	}
	return s.identity.blocked.Refuse(server)
}

// buildOutbox makes what keeps notices until the identity server has them.
func (s *server) buildOutbox(f program.Frame) (err error) {
	attempts := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "signet_homeserver_outbox_attempts_total",
		Help: "Attempts to give notices to the identity server, by kind and outcome.",
	}, []string{"kind", "outcome"})
	s.metrics.MustRegister(attempts)
	s.outbox, err = outbox.New(f.Ctx, outbox.Options{
		DB: s.DB, Vault: s.Vault, Now: f.Now, Log: s.log,
		Observe: func(kind string, outcome outbox.Outcome) { attempts.WithLabelValues(kind, string(outcome)).Inc() },
	})
	return err
}

// hears tells whether what somebody sends reaches a user's devices: not from a homeserver that
// is turned away, unless they talk in a room.
func (s *server) hears(ctx context.Context, user, sender matrix.UserID) (bool, error) {
	if s.refuse(sender.Server()) == nil {
		return true, nil
	}
	return s.rooms.Acquainted(ctx, user, sender)
}

// captchas are those that one identity server makes for this homeserver.
type captchas struct {
	client *idclient.Client
	at     idclient.Server
}

func (c captchas) NewChallenge(ctx context.Context) (idclient.Challenge, error) {
	return c.client.NewChallenge(ctx, c.at)
}

func (c captchas) CheckChallenge(ctx context.Context, id, answer string) error {
	return c.client.CheckChallenge(ctx, c.at, id, answer)
}

// buildContacts comes after the accounts, whose addresses they are.
func (s *server) buildContacts(f program.Frame) error {
	may, err := s.cfg.Registration.addresses()
	if err != nil {
		return err
	}
	s.contacts, err = contact.New(f.Ctx, contact.Options{
		DB:         s.DB,
		Vault:      s.Vault,
		ServerName: s.cfg.ServerName,
		Identity:   s.identity.client,
		Trusted:    s.identity.trusted,
		Outbox:     s.outbox,
		Now:        f.Now,
		Active:     s.accounts.Active,
		Allowed:    may.check,
		TellInUse:  s.cfg.Registration.TellInUse,
	})
	s.accounts.Contacts = s.contacts
	if len(s.cfg.Registration.Flows) == 0 { // nobody has chosen them
		s.accounts.Offers = s.offers
	}
	return err
}

// offers tells whether a stage of a registration can be passed, as far as the identity server has
// said to which addresses it sends codes.
func (s *server) offers(stage account.Stage) bool {
	switch stage {
	case account.StageEmail:
		return s.contacts.Sends(threepid.Email)
	case account.StageMSISDN:
		return s.contacts.Sends(threepid.MSISDN)
	}
	return true
}

// watchMedia keeps what the identity server sends as new as its word until ctx ends.
func (s *server) watchMedia(ctx context.Context) error {
	return s.contacts.WatchMedia(ctx, func(err error) {
		s.log.Warn("asking the identity server to which addresses it sends codes", "error", err)
	})
}

// sayFarewell has nobody find people whose accounts have ended, or by addresses that they have
// unbound, until ctx ends.
func (s *server) sayFarewell(ctx context.Context) error {
	return s.contacts.Run(ctx, func(err error) {
		s.log.Warn("unbinding addresses, of accounts that have ended or as their users wish", "error", err)
	})
}
