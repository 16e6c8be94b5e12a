package program

import (
	"errors"
	"fmt"

	"signet/internal/keyring"
	"signet/internal/seal"
	"signet/internal/store"
)

// KEKVariable is the environment variable that holds the key-encryption key where
// there is no key file.
const KEKVariable = "SIGNET_KEK"

// Storage is a program's database, migrated, with what is sealed in it.
type Storage struct {
	DB    *store.DB
	Vault *seal.Vault
	Rings keyring.Rings
}

// open opens the storage that cfg names, and founds it on the first start.
func (p Program) open(env Env, cfg Config) (*Storage, error) {
	db, err := store.Open(env.Ctx, cfg.Shared().Database.String())
	if err != nil {
		return nil, fmt.Errorf("%w (check the key database)", err)
	}
	s := &Storage{DB: db}
	if err := p.unlock(env, cfg.Shared().KeyFile, s); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func (p Program) unlock(env Env, keyFile string, s *Storage) error {
	// The key comes first: a start with the wrong one changes no table.
	err := s.DB.Migrate(env.Ctx, p.Schema, "seal")
	if err != nil {
		return err
	}
	s.Vault, err = seal.Unlock(env.Ctx, s.DB, keyFile, env.Getenv(KEKVariable), env.Now)
	if err != nil {
		return fmt.Errorf("%w (key_file is %s, the environment variable %s)", err, keyFile, KEKVariable)
	}
	if err := s.DB.Migrate(env.Ctx, p.Schema, p.Owners...); err != nil {
		return err
	}
	s.Rings, err = keyring.Open(env.Ctx, keyring.Options{DB: s.DB, Vault: s.Vault, Now: env.Now, Purposes: p.Purposes})
	return err
}

// Close closes the database.
func (s *Storage) Close() error { return s.DB.Close() }
