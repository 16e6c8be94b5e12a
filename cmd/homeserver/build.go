package main

import (
	"log/slog"
	"net/http"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"signet/internal/daemon"
	"signet/internal/homeserver/account"
	"signet/internal/homeserver/clientapi"
	"signet/internal/homeserver/fedapi"
	"signet/internal/keyring"
	"signet/internal/mxhttp"
	"signet/internal/program"
)

// server is the parts of the program, joined.
type server struct {
	*program.Storage
	cfg        *Config
	log        *slog.Logger
	metrics    *prometheus.Registry
	health     *daemon.Health
	accounts   *account.Accounts
	clients    http.Handler // the client-server API
	federation http.Handler // the server-server API
}

func build(f program.Frame) (*server, error) {
	cfg := f.Config.(*Config)
	accounts, err := account.New(f.Ctx, account.Options{
		DB:               f.DB,
		Vault:            f.Vault,
		ServerName:       cfg.ServerName,
		Now:              f.Now,
		OpenRegistration: cfg.openRegistration(),
		Hashers:          runtime.GOMAXPROCS(0),
	})
	if err != nil {
		return nil, err
	}
	s := &server{Storage: f.Storage, cfg: cfg, log: f.Log, metrics: prometheus.NewRegistry(), accounts: accounts}
	s.health = daemon.NewHealth(s.log, map[string]daemon.Check{"database": s.DB.Ping})
	if s.clients, err = s.buildClients(f.Tracer); err != nil {
		return nil, err
	}
	s.federation, err = s.buildFederation(f.Env, f.Tracer)
	return s, err
}

func (s *server) buildClients(tracer trace.TracerProvider) (http.Handler, error) {
	a := &clientapi.API{
		Accounts:       s.accounts,
		ServerName:     s.cfg.ServerName,
		PublicURL:      s.cfg.PublicURL,
		IdentityServer: s.cfg.IdentityServer,
		Federation:     s.cfg.federationName(),
	}
	o := s.manners(tracer)
	o.Translate = clientapi.Translate
	o.Proxies = s.cfg.BehindProxy
	o.Hosts = s.cfg.Hosts()
	return mxhttp.New(o, append(a.Routes(), program.HealthRoutes(s.health)...))
}

func (s *server) buildFederation(env program.Env, tracer trace.TracerProvider) (http.Handler, error) {
	a := &fedapi.API{
		Accounts:   s.accounts,
		Keys:       s.Rings.For(keyring.Federation),
		ServerName: s.cfg.ServerName,
		Version:    daemon.Version(),
		Now:        env.Now,
	}
	o := s.manners(tracer)
	o.Translate = fedapi.Translate
	o.Hosts = s.cfg.federationHosts()
	return mxhttp.New(o, a.Routes())
}

// manners is what both APIs have in common.
func (s *server) manners(tracer trace.TracerProvider) mxhttp.Options {
	return mxhttp.Options{Logger: s.log, Metrics: s.metrics, Namespace: "signet_homeserver", Tracer: tracer}
}
