package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// ErrSchemaTooNew is the error of a database that is more than one step ahead of this
// release, which does not know what stands in it.
var ErrSchemaTooNew = errors.New("the database was migrated by a newer release; run that one, or restore a backup")

// Migrate brings the tables of each owner up to date. schema holds one folder of
// numbered SQL files an owner; each file is one transaction, and each owner has a
// version table of its own. Several processes may migrate at the same time: one
// does, the others wait. A schema one step ahead is tolerated, so that replicas can
// be replaced, and put back, one by one.
func (db *DB) Migrate(ctx context.Context, schema fs.FS, owners ...string) error {
	unlock, err := db.lockMigration(ctx)
	if err != nil {
		return fmt.Errorf("waiting for another process that migrates: %w", err)
	}
	defer unlock()
	for _, owner := range owners {
		if err := db.migrateOwner(ctx, schema, owner); err != nil {
			return fmt.Errorf("migrating the tables of %s: %w", owner, err)
		}
	}
	return db.writer.flush()
}

func (db *DB) migrateOwner(ctx context.Context, schema fs.FS, owner string) error {
	files, err := fs.Sub(schema, owner)
	if err != nil {
		return err
	}
	provider, err := db.provider(ctx, files, owner)
	if err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return err
	}
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return err
	}
	if current > target+1 {
		return ErrSchemaTooNew
	}
	return nil
}

// provider builds goose's migrator. On SQLite it opens a second writing connection
// beside the DB's own; the DB is not in use yet while it is migrated.
func (db *DB) provider(ctx context.Context, files fs.FS, owner string) (*goose.Provider, error) {
	options := []goose.ProviderOption{
		goose.WithTableName("goose_" + owner),
		goose.WithDisableGlobalRegistry(true),
	}
	dialect := goose.DialectSQLite3
	if db.engine == PostgreSQL {
		dialect = goose.DialectPostgres
		locker, err := db.migrationLock(ctx)
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(dialect, db.writer.db, files, options...)
	if err != nil {
		return nil, err
	}
	return provider, nil
}

// lockMigration keeps other processes from migrating the same SQLite file: goose asks
// for the version and applies the next in two transactions. The lock is SQLite's own,
// on a file beside, so it ends with the process that holds it. PostgreSQL has
// migrationLock.
func (db *DB) lockMigration(ctx context.Context) (unlock func(), err error) {
	if db.engine == PostgreSQL {
		return func() {}, nil
	}
	for {
		unlock, err := db.holdFile(ctx, db.path+".migrating")
		if err == nil || !isConflict(err) {
			return unlock, err
		}
		if err := pause(ctx, maxTries); err != nil {
			return nil, err
		}
	}
}

// migrationLock is a session lock that only this schema's migrators share.
func (db *DB) migrationLock(ctx context.Context) (lock.SessionLocker, error) {
	id, err := db.lockID(ctx, "migrations")
	if err != nil {
		return nil, err
	}
	return lock.NewPostgresSessionLocker(lock.WithLockID(id), lock.WithLockTimeout(1, 300))
}
