// Package storetest gives a test a real, migrated database of its own on each
// engine: SQLite always, PostgreSQL where SIGNET_TEST_POSTGRES holds a URL (as
// script/test arranges). There an empty schema is dropped afterwards; one that is
// laid out stays on the server for the tests that come, under a name with test_.
package storetest

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"signet/internal/store"
)

// PostgresURL is the environment variable with the URL of a PostgreSQL that tests
// may fill, as a role that may create schemas.
const PostgresURL = "SIGNET_TEST_POSTGRES"

// OneEngine is the environment variable with the only engine to run on, "sqlite" or
// "postgres", where what is looked for is the same on both. Empty is both.
const OneEngine = "SIGNET_TEST_ENGINE"

// Each runs fn as a subtest on every engine at hand, with the tables of owners.
func Each(t *testing.T, owners []string, fn func(t *testing.T, db *store.DB)) {
	t.Helper()
	EachLaidOut(t, owners, func(t *testing.T, url string) { fn(t, Open(t, url, nil)) })
}

// EachPair is Each for stories of two servers, which have a database each.
func EachPair(t *testing.T, owners []string, fn func(t *testing.T, first, second *store.DB)) {
	t.Helper()
	EachLaidOut(t, owners, func(t *testing.T, url string) {
		other := LaidOut
		if strings.HasPrefix(url, "sqlite:") {
			other = LaidOutFile
		}
		fn(t, Open(t, url, nil), Open(t, other(t, owners), nil))
	})
}

// EachLaidOut is Each for tests that open the database themselves, several times or
// from several processes. It has the tables of owners already.
func EachLaidOut(t *testing.T, owners []string, fn func(t *testing.T, url string)) {
	t.Helper()
	each(t, fn,
		func(t testing.TB) string { return LaidOutFile(t, owners) },
		func(t testing.TB) string { return LaidOut(t, owners) })
}

// EachURL is EachLaidOut for tests that migrate the database themselves. It is empty.
func EachURL(t *testing.T, fn func(t *testing.T, url string)) {
	t.Helper()
	each(t, fn, SQLite, PostgreSQL)
}

func each(t *testing.T, fn func(t *testing.T, url string), sqlite, postgres func(testing.TB) string) {
	t.Helper()
	only := os.Getenv(OneEngine)
	if only != "postgres" {
		t.Run("sqlite", func(t *testing.T) { fn(t, sqlite(t)) })
	}
	if only == "sqlite" {
		return
	}
	t.Run("postgres", func(t *testing.T) {
		if os.Getenv(PostgresURL) == "" {
			t.Skip(PostgresURL + " names no server")
		}
		fn(t, postgres(t))
	})
}

// Open opens the database at url, with the tables of owners, and closes it with the test.
func Open(t testing.TB, url string, owners []string) *store.DB {
	t.Helper()
	if len(owners) > 0 && lay(t, url, owners) {
		owners = nil // there is nothing left to migrate
	}
	db := open(t, url, owners)
	t.Cleanup(func() { db.Close() })
	return db
}

// SQLite is the URL of a new, empty database file.
func SQLite(t testing.TB) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
}

// LaidOutFile is LaidOut for SQLite: the URL of a new database file.
func LaidOutFile(t testing.TB, owners []string) string {
	t.Helper()
	url := SQLite(t)
	lay(t, url, owners)
	return url
}

// PostgreSQL is the URL of a new, empty schema on the server that
// SIGNET_TEST_POSTGRES names.
func PostgreSQL(t testing.TB) string {
	t.Helper()
	ctx := context.Background()
	server := os.Getenv(PostgresURL)
	admin, err := store.Open(ctx, server)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	schema := "test_" + rand.Text()
	exec(t, admin, `CREATE SCHEMA "`+schema+`"`)
	t.Cleanup(func() { drop(t, server, schema) })
	return within(t, schema)
}

func drop(t testing.TB, server, schema string) {
	admin, err := store.Open(context.Background(), server)
	if err != nil {
		t.Error(err)
		return
	}
	defer admin.Close()
	exec(t, admin, `DROP SCHEMA "`+schema+`" CASCADE`)
}

func exec(t testing.TB, db *store.DB, statement string) {
	t.Helper()
	if _, err := db.Exec(context.Background(), statement); err != nil {
		t.Error(err)
	}
}
