package storetest

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"signet/internal/store"
	"signet/migrations"
)

// What is laid out at once is what the migrations make, to which nothing is left to do.
func TestALaidOutDatabaseIsAMigratedOne(t *testing.T) {
	owners := slices.Compact(slices.Sorted(slices.Values(slices.Concat(migrations.IDServer, migrations.HomeServer))))
	EachURL(t, func(t *testing.T, url string) {
		if !lay(t, url, owners) {
			t.Fatal("an empty database is taken for one that has tables")
		}
		laid := open(t, url, owners)
		defer laid.Close()
		if lay(t, url, owners) {
			t.Error("a database that has tables is laid out again")
		}
		other := strings.Replace(url, ".db", "-other.db", 1)
		if laid.Engine() == store.PostgreSQL {
			other = PostgreSQL(t)
		}
		migrated := open(t, other, owners)
		defer migrated.Close()
		if diff := cmp.Diff(shape(t, migrated, owners), shape(t, laid, owners)); diff != "" {
			t.Error(diff)
		}
	})
}

// shape is the columns, indexes and constraints of a database, and what goose knows of it.
func shape(t *testing.T, db *store.DB, owners []string) (lines []string) {
	t.Helper()
	queries := []string{`SELECT sql FROM sqlite_master WHERE sql IS NOT NULL`}
	if db.Engine() == store.PostgreSQL {
		queries = []string{
			`SELECT CONCAT_WS(' ', table_name, ordinal_position, column_name, data_type, is_nullable, column_default, is_identity)
				FROM information_schema.columns WHERE table_schema = current_schema()`,
			`SELECT replace(indexdef, current_schema(), '') FROM pg_indexes WHERE schemaname = current_schema()`,
			`SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint
				WHERE connamespace = quote_ident(current_schema())::regnamespace`,
			`SELECT proname FROM pg_proc WHERE pronamespace = quote_ident(current_schema())::regnamespace`,
		}
	}
	for _, owner := range owners {
		queries = append(queries, `SELECT '`+owner+` ' || version_id || ' ' || is_applied FROM goose_`+owner)
	}
	for _, query := range queries {
		lines = append(lines, texts(t, db, query)...)
	}
	slices.Sort(lines)
	if len(lines) < 3*len(owners) {
		t.Fatalf("%s has a shape of %d lines only", os.Args[0], len(lines))
	}
	return lines
}

func texts(t *testing.T, db *store.DB, query string) (all []string) {
	t.Helper()
	rows, err := db.Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
