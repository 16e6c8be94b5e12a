package main

import (
	"errors"
	"fmt"

	"signet/internal/keyring"
	"signet/internal/seal"
	"signet/internal/store"
	"signet/migrations"
)

// storage is what commands and the server share: the database, migrated, with what
// is sealed in it.
type storage struct {
	db    *store.DB
	vault *seal.Vault
	ring  *keyring.Ring
}

// withStorage loads the configuration and opens the storage for one command.
func withStorage(env environment, do func(*storage) error) error {
	cfg, err := load(env.config)
	if err != nil {
		return err
	}
	s, err := openStorage(env, cfg)
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.db.Close())
}

// openStorage opens the database that cfg names.
func openStorage(env environment, cfg Config) (*storage, error) {
	db, err := store.Open(env.ctx, cfg.Database.String())
	if err != nil {
		return nil, fmt.Errorf("%w (check the key database)", err)
	}
	s := &storage{db: db}
	if err := s.open(env, cfg); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func (s *storage) open(env environment, cfg Config) error {
	if err := s.db.Migrate(env.ctx, migrations.FS, migrations.HomeServer...); err != nil {
		return err
	}
	kek, err := seal.FindKEK(env.ctx, s.db, cfg.KeyFile, env.getenv(kekVariable))
	if err != nil {
		return fmt.Errorf("%w (key_file is %s, the environment variable %s)", err, cfg.KeyFile, kekVariable)
	}
	if s.vault, err = seal.Open(env.ctx, s.db, kek, env.now); err != nil {
		return err
	}
	s.ring, err = keyring.Open(env.ctx, s.db, s.vault, env.now)
	return err
}
