package movein

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Errors of a file that is not what it should be.
var (
	ErrNotFile     = errors.New("not a file")
	ErrNotDatabase = errors.New("not an SQLite database")
	// ErrSchema wraps what a database lacks.
	ErrSchema = errors.New("not a database of that server")
	// ErrUnfinished says that another process left a change in the file that only a
	// writer may undo, or that the file's folder has no room for what reading takes.
	ErrUnfinished = errors.New("the database cannot be read as it stands: stop the server it belongs to, " +
		"or copy it (sqlite3 FILE \".backup COPY\") and read the copy")
)

// database is the SQLite file of another server, opened to be read.
type database struct {
	pool    *sql.DB
	conn    *sql.Conn // in a transaction, so that all tables are of one moment
	written time.Time
}

// magic are the first octets of every SQLite database (SQLite's "Database File
// Format", section 1.3). Behind them stand, in two octets, how it is written and read:
// 2 is by a write-ahead log.
const (
	magic         = "SQLite format 3\x00"
	readVersionAt = 19
	byLog         = 2
)

func openDatabase(ctx context.Context, path string) (*database, error) {
	written, log, err := inspect(path)
	if err != nil {
		return nil, err
	}
	pool, err := sql.Open("sqlite", readOnly(path, log))
	if err != nil {
		return nil, err
	}
	db := &database{pool: pool, written: written}
	if err := db.begin(ctx); err != nil {
		return nil, errors.Join(explain(err), db.close())
	}
	return db, nil
}

// inspect refuses what is no SQLite database, before SQLite takes an empty file for
// one. written is when it was last written, log whether that goes through a log.
func inspect(path string) (written time.Time, log bool, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return written, false, err
	}
	if !info.Mode().IsRegular() {
		return written, false, ErrNotFile
	}
	f, err := os.Open(path)
	if err != nil {
		return written, false, err
	}
	defer f.Close()
	var header [readVersionAt + 1]byte
	if _, err := io.ReadFull(f, header[:]); err != nil || string(header[:len(magic)]) != magic {
		return written, false, ErrNotDatabase
	}
	written = info.ModTime()
	if info, err := os.Stat(path + "-wal"); err == nil && info.ModTime().After(written) {
		written = info.ModTime()
	}
	return written, header[readVersionAt] == byLog, nil
}

// readOnly opens a database without changing it. One that is written through a log
// has no log where nobody has it open; then SQLite needs no files beside it, which it
// would otherwise make. Everywhere else the locks of a running server are obeyed.
func readOnly(path string, log bool) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	options := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(5000)", "query_only(1)", "trusted_schema(0)"}}
	if _, err := os.Stat(path + "-wal"); log && errors.Is(err, fs.ErrNotExist) {
		options.Set("immutable", "1")
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + options.Encode()
}

func (db *database) begin(ctx context.Context) (err error) {
	if db.conn, err = db.pool.Conn(ctx); err != nil {
		return err
	}
	if _, err := db.conn.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	var tables int // the first read takes the lock
	return db.conn.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_master").Scan(&tables)
}

// explain tells a database that only a writer could put right, or one that another
// process does not let go of, from one that is broken.
func explain(err error) error {
	var lite *sqlite.Error
	if !errors.As(err, &lite) {
		return err
	}
	switch lite.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN:
		return fmt.Errorf("%w (%w)", ErrUnfinished, err)
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("%w (%w)", ErrNotDatabase, err)
	}
	return err
}

func (db *database) close() error {
	if db.conn == nil {
		return db.pool.Close()
	}
	return errors.Join(db.conn.Close(), db.pool.Close())
}

// has tells whether there is a table with those columns, and what is missing.
func (db *database) has(ctx context.Context, table string, columns ...string) (missing string, err error) {
	there := map[string]bool{}
	rows, err := db.conn.QueryContext(ctx, "SELECT name FROM pragma_table_info($1)", table)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return "", err
		}
		there[name] = true
	}
	if len(there) == 0 {
		return "the table " + table, rows.Err()
	}
	for _, column := range columns {
		if !there[column] {
			return "the column " + table + "." + column, rows.Err()
		}
	}
	return "", rows.Err()
}

// need is ErrSchema unless there is a table with those columns.
func (db *database) need(ctx context.Context, table string, columns ...string) error {
	missing, err := db.has(ctx, table, columns...)
	if err == nil && missing != "" {
		return fmt.Errorf("%w: it lacks %s", ErrSchema, missing)
	}
	return err
}

// each calls scan for every row of a query.
func (db *database) each(ctx context.Context, query string, scan func(*sql.Rows) error) error {
	rows, err := db.conn.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// stays counts what stays behind, in the tables that are there.
func (db *database) stays(ctx context.Context, load *Load, all ...Stay) error {
	for _, s := range all {
		if missing, err := db.has(ctx, s.table); missing != "" || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		if err := db.conn.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+s.table+" WHERE "+cmp.Or(s.where, "1")).Scan(&s.Rows); err != nil {
			return err
		}
		if s.Rows > 0 {
			load.Stays = append(load.Stays, s)
		}
	}
	return nil
}

// validURL tells whether a text can be the URL of a document.
func validURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && len(text) <= 2048
}
