package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"signet/internal/caller"
	"signet/internal/config"
	"signet/internal/keyring"
	"signet/internal/matrix"
	"signet/internal/program"
	"signet/internal/store"
	"signet/keys/notary"
	"signet/keys/servers"
	"signet/verify"
	"signet/web/api"
)

// Notary is how this server vouches for the signing keys of other servers.
type Notary struct {
	// Enabled answers /_matrix/key/v2, by which homeservers have this server as a trusted
	// key server. Default: true.
	Enabled bool `yaml:"enabled"`
	// HoldNew is how long keys of a server are held back of which none was known, where those
	// before them are valid no longer; from a minute to 30 days. Default: 1h.
	HoldNew time.Duration `yaml:"hold_new"`
	// HoldValid is the same where the keys before them are still valid; no less than
	// HoldNew. Default: 72h.
	HoldValid time.Duration `yaml:"hold_valid"`
}

const minHold, maxHold = time.Minute, 30 * 24 * time.Hour

func (n Notary) check() config.Problems {
	var p config.Problems
	if n.HoldNew < minHold || n.HoldNew > maxHold {
		p.Add("notary.hold_new", "must be from a minute to 30 days", "such as 1h")
	}
	if n.HoldValid < n.HoldNew || n.HoldValid > maxHold {
		p.Add("notary.hold_valid", "must be from notary.hold_new to 30 days", "such as 72h")
	}
	return p
}

// buildNotary records blocks also where no keys are served: the list is no secret.
func (s *server) buildNotary(env program.Env) error {
	fetches := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "signet_idserver_notary_fetches_total",
		Help: "Servers that were asked for their signing keys, by what came of it.",
	}, []string{"outcome"})
	s.metrics.MustRegister(fetches)
	s.notary = notary.New(notary.Options{
		DB:         s.DB,
		Federation: s.federation,
		Keys:       s.Rings.For(keyring.Federation),
		Name:       s.cfg.ServerName,
		Quota:      s.quota,
		Blocked:    s.blocked,
		HoldDown:   notary.HoldDown{New: s.cfg.Notary.HoldNew, Valid: s.cfg.Notary.HoldValid},
		Now:        env.Now,
		Sleep:      verify.Sleep,
		Log:        s.log,
		Observe:    func(outcome string) { fetches.WithLabelValues(outcome).Inc() },
	})
	s.gate.Told = append(s.gate.Told, recordBlock)
	if err := s.adoptBlocks(env.Ctx); err != nil {
		return err
	}
	return s.buildServers(env)
}

// buildServers opens the log of what the notary has seen, by which it proves its answers.
func (s *server) buildServers(env program.Env) error {
	guard, err := s.cfg.guard("servers", servers.Origin(s.cfg.ServerName))
	if err != nil {
		return err
	}
	s.servers, err = servers.Open(env.Ctx, servers.Options{
		DB:     s.DB,
		Name:   s.cfg.ServerName,
		Keys:   s.Rings.For(keyring.ServersLog),
		Guard:  guard,
		Source: s.notary,
		Now:    env.Now,
		Log:    s.log,
		Sealed: s.logs.sealed("servers"),
	})
	s.notary.Prover = s.servers
	return err
}

func (s *server) blocked(ctx context.Context, name matrix.ServerName) (matrix.ServerName, bool, error) {
	b, blocked, err := s.gate.BlockOf(ctx, name)
	return b.Server, blocked, err
}

// adoptBlocks records the blocks that are older than the records.
func (s *server) adoptBlocks(ctx context.Context) error {
	blocks, err := s.gate.Blocks(ctx)
	if err != nil || len(blocks) == 0 {
		return err
	}
	rules := map[matrix.ServerName][]notary.Rule{}
	for _, b := range blocks {
		rules[b.Server] = api.PolicyRules(caller.BlockChange{Block: b})
	}
	return s.notary.AdoptPolicy(ctx, rules)
}

// recordBlock puts a change of the block-list among what the servers' log will hold.
func recordBlock(ctx context.Context, tx *store.Tx, c caller.BlockChange) error {
	return notary.RecordPolicy(ctx, tx, c.Server, api.PolicyRules(c), c.At)
}

// served is the notary, if keys are served.
func (s *server) served() *notary.Notary {
	if !s.cfg.Notary.Enabled {
		return nil
	}
	return s.notary
}
