package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"signet/internal/config"
	"signet/internal/keyring"
	"signet/internal/program"
	"signet/keys/log"
	"signet/keys/people"
	"signet/keys/people/feed"
	"signet/keys/vrf"
)

// Keys is how the directory of keys is kept.
type Keys struct {
	// GuardFile is the beginning of the names of the files that remember, outside of the
	// database, how far the logs were signed: ".users" and ".servers" follow. With an older
	// copy of the database nothing is signed any more. Replicas on one machine may share them.
	// Default: the name of a SQLite database; with PostgreSQL "signed" in data_dir.
	GuardFile string `yaml:"guard_file"`
	// HoldDown is how long new keys of a person wait that the old key has not signed, so that
	// their owner can object; from a minute to 30 days. Default: 24h.
	HoldDown time.Duration `yaml:"hold_down"`
}

func (k Keys) check() (p config.Problems) {
	if k.HoldDown < minHold || k.HoldDown > maxHold {
		p.Add("keys.hold_down", "must be from a minute to 30 days", "such as 24h")
	}
	return p
}

// guard is what remembers how far a log was signed, of that name and origin.
func (c *Config) guard(name, origin string) (log.Guard, error) {
	file := c.Keys.GuardFile
	switch {
	case file != "":
	case c.Database.Engine() == config.SQLite:
		file = strings.TrimPrefix(c.Database.String(), "sqlite:")
	default:
		file = filepath.Join(c.DataDir, "signed")
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of keys.guard_file: %w", err)
	}
	return log.NewFileGuard(file+"."+name, origin), nil
}

// sealedAtATime is how many versions one transaction puts into the log at most: while it
// runs, some 20 ms, nobody else writes to a SQLite database, and a first start has all
// bindings to log.
const sealedAtATime = 500

// buildPeople opens the log of people's keys, which follows the bindings and forgets with
// them, and of which owners are told. It needs the directory and the notices.
func (s *server) buildPeople(env program.Env) error {
	seed, err := s.Rings.For(keyring.VRF).SecretKey(env.Ctx)
	if err != nil {
		return err
	}
	hides, err := vrf.NewPrivateKey(seed)
	if err != nil {
		return err
	}
	guard, err := s.cfg.guard("users", people.Origin(s.cfg.ServerName))
	if err != nil {
		return err
	}
	s.people, err = people.Open(env.Ctx, people.Options{
		DB:     s.DB,
		Vault:  s.Vault,
		Name:   s.cfg.ServerName,
		Keys:   s.Rings.For(keyring.UsersLog),
		VRF:    hides,
		Guard:  guard,
		Signer: s.keys,
		Feed:   feed.Lookup{Directory: s.directory},
		Proofs: s.verifier,
		Quota:  s.quota,
		Own:    s.cfg.ownHomeservers(),
		Now:    env.Now,
		Rand:   env.Rand,
		Log:    s.log,
		Limit:  sealedAtATime,
		Sealed: s.logs.sealed("users"),

		Told:     s.tellOfKeys,
		HoldDown: s.cfg.Keys.HoldDown,
	})
	if err != nil {
		return err
	}
	s.metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "signet_idserver_keys_damaged",
		Help: "Labels of which a version that waits for the log cannot be read and is set aside, on the replica that writes the log.",
	}, func() float64 { return float64(s.people.Damaged()) }))
	s.notices.Keys = toldKeys{s.people}
	s.directory.Holders["keys"], s.directory.UserHolders["keys"] = s.people, s.people
	return nil
}
