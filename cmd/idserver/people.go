package main

import (
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"strings"

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
	// GuardFile is the file that remembers, outside of the database, how far the log of
	// people's keys was signed: with an older copy of the database nothing is signed any
	// more. Each process needs one of its own. Default: beside a SQLite database; with
	// PostgreSQL users-log.signed in data_dir.
	GuardFile string `yaml:"guard_file"`
}

// guardFile is where the configuration says, or does not say, that the guard is.
func (c *Config) guardFile() string {
	if c.Keys.GuardFile != "" {
		return c.Keys.GuardFile
	}
	if c.Database.Engine() == config.SQLite {
		return strings.TrimPrefix(c.Database.String(), "sqlite:") + ".users-log"
	}
	return filepath.Join(c.DataDir, "users-log.signed")
}

// buildPeople opens the log of people's keys, which follows the bindings and forgets with
// them. It needs the directory.
func (s *server) buildPeople(env program.Env) error {
	signs, err := s.Rings.For(keyring.UsersLog).Current(env.Ctx)
	if err != nil {
		return err
	}
	seed, err := s.Rings.For(keyring.VRF).SecretKey(env.Ctx)
	if err != nil {
		return err
	}
	hides, err := vrf.NewPrivateKey(seed)
	if err != nil {
		return err
	}
	file := s.cfg.guardFile()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("making the folder of keys.guard_file: %w", err)
	}
	s.people, err = people.Open(env.Ctx, people.Options{
		DB:     s.DB,
		Vault:  s.Vault,
		Name:   s.cfg.ServerName,
		Keys:   []ed25519.PrivateKey{signs.Private},
		VRF:    hides,
		Guard:  log.NewFileGuard(file, people.Origin(s.cfg.ServerName)),
		Signer: s.keys,
		Feed:   feed.Lookup{Directory: s.directory},
		Proofs: s.verifier,
		Now:    env.Now,
		Rand:   env.Rand,
		Log:    s.log,
	})
	if err != nil {
		return err
	}
	s.directory.Holders["keys"], s.directory.UserHolders["keys"] = s.people, s.people
	return nil
}
