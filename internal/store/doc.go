// Package store opens the database and keeps its promises the same on both
// engines, SQLite (modernc.org/sqlite, pure Go) and PostgreSQL (pgx).
//
// It owns BEGIN, retry, migration and the question "is this a conflict?". It
// knows no table: every package keeps its statements in its own sql.go, written
// once in the subset both engines speak ($1 parameters, ON CONFLICT, RETURNING;
// TEXT, BIGINT, BOOLEAN, BYTEA; time as BIGINT milliseconds, passed in).
//
// A read-then-write goes through DB.Tx, which is serializable on both engines and
// may run its function more than once: nothing leaves the house inside it. What a
// committed Tx wrote survives kill -9 and power loss, and every later read sees it: on
// SQLite a commit returns when a sync of the log that began after it has ended, which
// those who commit at the same time share.
package store
