package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"signet/internal/caller"
	"signet/internal/daemon"
	"signet/internal/deliver"
	"signet/internal/fedclient"
	"signet/internal/keyring"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/outbox"
	"signet/internal/program"
	"signet/internal/quota"
	"signet/internal/store"
	"signet/keys"
	"signet/keys/notary"
	"signet/keys/people"
	"signet/keys/proof"
	"signet/keys/servers"
	"signet/lookup"
	"signet/lookup/invite"
	"signet/lookup/notice"
	"signet/verify"
	"signet/verify/captcha"
	"signet/verify/fraud"
	"signet/verify/message"
	"signet/web/api"
	"signet/web/page"
)

// server is the parts of the program, joined.
type server struct {
	*program.Storage
	cfg        *Config
	log        *slog.Logger
	metrics    *prometheus.Registry
	health     *daemon.Health
	mailbox    *deliver.Mailbox // nil outside development mode
	keys       *keys.Server
	federation *fedclient.Client
	gate       *caller.Gate
	outbox     *outbox.Outbox
	quota      *quota.Quota
	captcha    *captcha.Captcha
	fraud      *fraud.Guard
	email      verify.EmailSender // nil: no e-mail is sent
	sms        verify.SMSSender   // nil: no text message is
	verifier   *verify.Verifier
	directory  *lookup.Directory
	invites    *invite.Invites
	notices    *notice.Notices
	notary     *notary.Notary
	servers    *servers.Servers
	people     *people.People
	logs       *logMetrics
	handler    http.Handler
}

func build(f program.Frame) (*server, error) {
	s := &server{Storage: f.Storage, cfg: f.Config.(*Config), log: f.Log, metrics: prometheus.NewRegistry()}
	s.health = daemon.NewHealth(s.log, map[string]daemon.Check{
		"database": s.DB.Ping,
		"bindings": func(ctx context.Context) error { return s.directory.Ready(ctx) },
	})
	s.logs = newLogMetrics(s.log, f.Now, s.metrics)
	s.keys = &keys.Server{Name: s.cfg.ServerName, Ring: s.Rings.For(keyring.Association)}
	for _, step := range []func(program.Env) error{
		s.buildOutbox, s.buildQuota, s.buildGate, s.buildCaptcha, s.buildFraud, s.buildVerifier, s.buildDirectory,
		s.buildInvites, s.buildNotices, s.buildNotary, s.buildPeople,
	} {
		if err := step(f.Env); err != nil {
			return nil, err
		}
	}
	s.watchLogs()
	s.health.Note("damaged_keys", func() bool { return s.people.Damaged() > 0 })
	var err error
	s.handler, err = s.buildHandler(f.Env, f.Tracer)
	return s, err
}

func (s *server) buildGate(env program.Env) (err error) {
	if s.federation, err = env.Federation(s.cfg.Shared(), s.cfg.Federation); err != nil {
		return err
	}
	s.gate, err = caller.New(env.Ctx, caller.Options{
		DB:         s.DB,
		Vault:      s.Vault,
		Quota:      s.quota,
		Federation: s.federation,
		Own:        s.cfg.ownHomeservers(),
		Name:       s.cfg.ServerName,
		Terms:      s.cfg.terms(),
		Now:        env.Now,
		Log:        s.log,
	})
	return err
}

func (s *server) buildOutbox(env program.Env) (err error) {
	attempts := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "signet_idserver_outbox_attempts_total",
		Help: "Attempts to deliver messages and notices, by kind and outcome.",
	}, []string{"kind", "outcome"})
	s.metrics.MustRegister(attempts)
	s.outbox, err = outbox.New(env.Ctx, outbox.Options{
		DB:    s.DB,
		Vault: s.Vault,
		Now:   env.Now,
		Log:   s.log,
		Observe: func(kind string, outcome outbox.Outcome) {
			attempts.WithLabelValues(kind, string(outcome)).Inc()
		},
	})
	return err
}

// patience is how long a request waits for its own message, so that a refused
// address is an answer.
const patience = 5 * time.Second

func (s *server) buildQuota(env program.Env) (err error) {
	charges := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "signet_idserver_budget_charges_total",
		Help: "Charges to budgets against abuse, by budget and outcome.",
	}, []string{"budget", "outcome"})
	s.metrics.MustRegister(charges)
	budgets, err := s.cfg.budgets()
	if err != nil {
		return err
	}
	s.quota, err = quota.New(env.Ctx, quota.Options{
		DB:      s.DB,
		Vault:   s.Vault,
		Budgets: budgets,
		Now:     env.Now,
		Log:     s.log,
		Observe: func(budget string, outcome quota.Outcome) {
			charges.WithLabelValues(budget, string(outcome)).Inc()
		},
	})
	return err
}

func (s *server) buildFraud(env program.Env) error {
	events := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "signet_idserver_sms_decisions_total",
		Help: "What was decided on text messages, by event and country.",
	}, []string{"event", "country"})
	s.metrics.MustRegister(events)
	var err error
	s.fraud, err = newGuard(env, s.Storage, s.cfg, func(o *fraud.Options) {
		o.Log = s.log
		o.Observe = func(event fraud.Event, country string) { events.WithLabelValues(string(event), country).Inc() }
	})
	return err
}

func (s *server) buildCaptcha(env program.Env) (err error) {
	s.captcha, err = captcha.New(env.Ctx, captcha.Options{DB: s.DB, Vault: s.Vault, Now: env.Now})
	return err
}

func (s *server) buildVerifier(env program.Env) error {
	words, err := message.New(s.cfg.Templates, s.cfg.ServerName.String(), s.cfg.host())
	if err != nil {
		return err
	}
	o := verify.Options{
		DB:              s.DB,
		Vault:           s.Vault,
		Outbox:          s.outbox,
		Quota:           s.quota,
		Captcha:         s.captcha,
		When:            verify.When(s.cfg.Captcha.When),
		Fraud:           s.fraud,
		Acquaintance:    s.gate,
		OwnHomeservers:  s.cfg.ownHomeservers(),
		SuspectNetworks: s.cfg.Captcha.SuspectNetworks,
		Words:           words,
		Now:             env.Now,
		Sleep:           verify.Sleep,
		Rand:            env.Rand,
		Log:             s.log,
		Patience:        patience,
		LinkURL:         func(token string) string { return s.cfg.PublicURL + page.LinkPath(token) },
		StopURL:         func(token string) string { return s.cfg.PublicURL + page.StopPath(token) },
	}
	if s.cfg.Email.CheckMX && !s.cfg.Development {
		o.Resolver = net.DefaultResolver
	}
	if o.Disposable, err = s.cfg.Email.disposable(); err != nil {
		return err
	}
	if s.email, s.sms, err = s.senders(env); err != nil {
		return err
	}
	o.Email, o.SMS = s.email, s.sms
	s.verifier, err = verify.New(env.Ctx, o)
	return err
}

func (s *server) buildDirectory(env program.Env) (err error) {
	s.directory, err = lookup.New(env.Ctx, lookup.Options{
		DB:     s.DB,
		Vault:  s.Vault,
		Proofs: s.verifier,
		Signer: s.keys,
		// Rooms that hold something about addresses or users: what they hold is part of what
		// people download, and is erased with it.
		UserHolders: map[string]lookup.UserHolder{"account": s.gate},
		Quota:       s.quota,
		Own:         s.cfg.ownHomeservers(),
		Lives:       lookup.Lives{Email: s.cfg.Lookup.EmailLife, MSISDN: s.cfg.Lookup.MSISDNLife},
		OfferNone:   s.cfg.Lookup.OfferNone,
		Now:         env.Now,
		Log:         s.log,
	})
	if err != nil {
		return err
	}
	s.metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "signet_idserver_bindings_feed_damaged",
		Help: "1 while no look-up is answered since the feed of bindings lacks changes; idserver feed repair mends it.",
	}, func() float64 { return oneIf(s.directory.Damaged()) }))
	return s.directory.Load()
}

func (s *server) buildHandler(env program.Env, tracer trace.TracerProvider) (http.Handler, error) {
	a := &api.API{Gate: s.gate, Verifier: s.verifier, Directory: s.directory, Invites: s.invites, Notices: s.notices, Keys: s.keys, Notary: s.served(), Logged: s.notary, People: s.people, Servers: s.servers.Trust,
		Logs: map[string]api.KeyLog{"users": s.people.Tiles(), "servers": s.servers.Tiles()}, PublicURL: s.cfg.PublicURL,
		ChallengeURL: func(id string) string { return s.cfg.PublicURL + page.ChallengePath(id) }}
	pages, err := s.buildPages(env, a.Trust)
	if err != nil {
		return nil, err
	}
	routes := slices.Concat(a.Routes(), pages.Routes(), program.HealthRoutes(s.health))
	return mxhttp.New(mxhttp.Options{
		Logger:    s.log,
		Translate: busyOr(a.Translate),
		Proxies:   s.cfg.BehindProxy,
		Hosts:     s.cfg.Hosts(),
		Metrics:   s.metrics,
		Namespace: "signet_idserver",
		Tracer:    tracer,
		Page:      pages.Error,
	}, routes)
}

// busyOr tells clients to come back where a request met so many others that the database
// gave up: nothing was done, and nothing is broken.
func busyOr(translate func(error) (mxhttp.Problem, bool)) func(error) (mxhttp.Problem, bool) {
	return func(err error) (mxhttp.Problem, bool) {
		if errors.Is(err, store.ErrBusy) {
			return mxhttp.Problem{Status: http.StatusServiceUnavailable, Code: matrix.Unknown,
				Message: "the server is busy; try again in a moment"}, true
		}
		return translate(err)
	}
}

func (s *server) buildPages(env program.Env, trust func(context.Context) (proof.Config, error)) (*page.Pages, error) {
	return page.New(page.Options{
		Name:        s.cfg.ServerName,
		Verifier:    s.verifier,
		Directory:   s.directory,
		Captcha:     s.captcha,
		Invites:     s.invites,
		SignUp:      s.cfg.Invitations.SignupURL,
		Keys:        s.keys.Ring,
		Log:         s.people,
		Trust:       trust,
		PublicURL:   s.cfg.PublicURL,
		Mailbox:     s.mailbox,
		Terms:       s.cfg.termsLinks(),
		NextOrigins: s.cfg.NextLinkOrigins,
		Email:       s.cfg.Development || s.cfg.Email.SMTP != "",
		SMS:         s.sms != nil,
		Development: s.cfg.Development,
		Rand:        env.Rand,
		Now:         env.Now,
	})
}
