package main

import (
	"errors"
	"fmt"
	"log/slog"

	"signet/internal/caller"
	"signet/internal/fedclient"
	"signet/internal/keyring"
	"signet/internal/seal"
	"signet/internal/store"
	"signet/migrations"
)

// storage is what commands and the server share: the database, migrated, with the
// parts that need nothing else.
type storage struct {
	db    *store.DB
	vault *seal.Vault
	ring  *keyring.Ring
	gate  *caller.Gate
}

// withStorage loads the configuration and opens the storage for one command.
func withStorage(env environment, do func(*storage) error) error {
	cfg, err := load(env.config)
	if err != nil {
		return err
	}
	s, err := openStorage(env, cfg, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.db.Close())
}

// openStorage opens the database that cfg names. federation may be nil where no
// other server is asked.
func openStorage(env environment, cfg Config, federation *fedclient.Client, log *slog.Logger) (*storage, error) {
	db, err := store.Open(env.ctx, cfg.Database.String())
	if err != nil {
		return nil, fmt.Errorf("%w (check the key database)", err)
	}
	s := &storage{db: db}
	if err := s.open(env, cfg, federation, log); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func (s *storage) open(env environment, cfg Config, federation *fedclient.Client, log *slog.Logger) error {
	if err := s.db.Migrate(env.ctx, migrations.FS, migrations.IDServer...); err != nil {
		return err
	}
	kek, err := seal.FindKEK(env.ctx, s.db, cfg.KeyFile, env.getenv(kekVariable))
	if err != nil {
		return err
	}
	if s.vault, err = seal.Open(env.ctx, s.db, kek, env.now); err != nil {
		return err
	}
	if s.ring, err = keyring.Open(env.ctx, s.db, s.vault, env.now); err != nil {
		return err
	}
	s.gate, err = caller.New(env.ctx, caller.Options{
		DB:         s.db,
		Vault:      s.vault,
		Federation: federation,
		Name:       cfg.ServerName,
		Terms:      cfg.terms(),
		Now:        env.now,
		Log:        log,
	})
	return err
}
