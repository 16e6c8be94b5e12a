package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// Engine is the kind of database behind a DB.
type Engine string

// The two engines.
const (
	SQLite     Engine = "sqlite"
	PostgreSQL Engine = "postgres"
)

// ErrURL is the error of a database URL of no known form.
var ErrURL = errors.New("a database URL is sqlite:PATH or postgres://USER@HOST/NAME")

// Queryer runs statements: a DB, each on its own, or a Tx, together. Functions in
// sql.go take one, so that the caller decides.
type Queryer interface {
	Query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) *sql.Row
	Exec(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// DB is an open database. On SQLite one connection writes and a few others read.
// It is safe for concurrent use.
type DB struct {
	engine Engine
	path   string  // of SQLite's file
	pool   *sql.DB // reads
	reader runner
	writer *writer
}

// Open opens the database that rawURL names, sqlite:PATH or postgres://…, and
// reaches it once. A SQLite file is created, readable by its owner alone.
func Open(ctx context.Context, rawURL string) (*DB, error) {
	db, err := open(ctx, rawURL)
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	if err := db.Ping(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("reaching the database: %w", err), db.Close())
	}
	return db, nil
}

func open(ctx context.Context, rawURL string) (*DB, error) {
	switch {
	case strings.HasPrefix(rawURL, "sqlite:"):
		return openSQLite(ctx, strings.TrimPrefix(rawURL, "sqlite:"))
	case strings.HasPrefix(rawURL, "postgres://"), strings.HasPrefix(rawURL, "postgresql://"):
		return openPostgreSQL(rawURL)
	}
	return nil, ErrURL
}

func openSQLite(ctx context.Context, path string) (*DB, error) {
	if err := createPrivately(path); err != nil {
		return nil, err
	}
	// The writer comes first: it turns the file to WAL, which a reader may not. What it may
	// have to undo of a statement of many rows stays in memory: small, and gone with it.
	// It syncs its log where a checkpoint needs that; for commits the flusher does. The cache is kept small because every commit walks it, and the system's holds the file
	// anyway. busy_timeout waits for another process only, a command beside the server.
	writing, err := sql.Open("sqlite", sqliteDSN(path, "busy_timeout(5000)", "foreign_keys(1)", "journal_mode(WAL)", "synchronous(NORMAL)", "temp_store(MEMORY)",
		"cache_size(-4000)", fmt.Sprintf("wal_autocheckpoint(%d)", checkpointPages)))
	if err != nil {
		return nil, err
	}
	writer, err := newSQLiteWriter(ctx, writing, path)
	if err != nil {
		return nil, errors.Join(err, writing.Close())
	}
	// After each commit a reader begins with an empty cache, and would with a map that is made
	// anew: reading the few pages that a statement needs costs less.
	reading, err := sql.Open("sqlite", sqliteDSN(path, "busy_timeout(5000)", "query_only(1)", "cache_size(-2000)"))
	if err != nil {
		return nil, errors.Join(err, writer.close())
	}
	readers := max(4, runtime.GOMAXPROCS(0))
	reading.SetMaxOpenConns(readers)
	reading.SetMaxIdleConns(readers)
	reader := runner{on: reading, cache: newStatements(reading.PrepareContext), count: new(atomic.Int64)}
	return &DB{engine: SQLite, path: path, pool: reading, reader: reader, writer: writer}, nil
}

func sqliteDSN(path string, pragmas ...string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + url.Values{"_pragma": pragmas}.Encode()
}

// createPrivately makes the file before SQLite would, which uses the umask. One that is
// there is not touched: closing it would give up the locks that this process has on it.
func createPrivately(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// maxPostgreSQLConns bounds one process's connections; a server's default limit
// of 100 leaves room for several replicas.
const maxPostgreSQLConns = 20

func openPostgreSQL(rawURL string) (*DB, error) {
	config, err := pgx.ParseConfig(rawURL)
	if err != nil {
		return nil, errors.New("the postgres URL cannot be read") // the cause may quote the password
	}
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(maxPostgreSQLConns)
	pool.SetMaxIdleConns(maxPostgreSQLConns)
	pool.SetConnMaxLifetime(30 * time.Minute)
	// pgx keeps prepared statements by itself.
	return &DB{engine: PostgreSQL, pool: pool, reader: runner{on: pool, count: new(atomic.Int64)}, writer: newPostgreSQLWriter(pool)}, nil
}

// Engine tells which engine is behind the DB.
func (db *DB) Engine() Engine { return db.engine }

// Statements is how many statements have been run since Open, in transactions and outside
// of them, for those who promise to run few. What begins and ends a transaction is none.
func (db *DB) Statements() int64 { return db.reader.count.Load() }

// Ping reaches the database, to read and to write. On SQLite it waits for its turn
// to write.
func (db *DB) Ping(ctx context.Context) error {
	conn, release, err := db.writer.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := conn.PingContext(ctx); err != nil || db.engine == PostgreSQL {
		return err // a second connection of the same pool could be waited for in vain
	}
	return db.pool.PingContext(ctx)
}

// Close closes every connection; again it does nothing. No transaction begins any more; on
// SQLite it waits for the one that runs.
func (db *DB) Close() error {
	if db.engine == PostgreSQL {
		return db.writer.close()
	}
	return errors.Join(db.reader.cache.close(), db.pool.Close(), db.writer.close())
}

// Query reads rows outside a transaction.
func (db *DB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	db.reader.count.Add(1)
	return db.reader.query(ctx, query, args)
}

// QueryRow reads one row outside a transaction.
func (db *DB) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	db.reader.count.Add(1)
	return db.reader.queryRow(ctx, query, args)
}

// Exec runs one writing statement, committed when it returns. It is retried like
// a Tx.
func (db *DB) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	var result sql.Result
	err := db.Tx(ctx, func(tx *Tx) (err error) {
		result, err = tx.Exec(ctx, query, args...)
		return err
	})
	return result, err
}

// Changed tells whether a statement changed a row, for UPDATE … WHERE what must
// still hold and for INSERT … ON CONFLICT DO NOTHING.
func Changed(result sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}
