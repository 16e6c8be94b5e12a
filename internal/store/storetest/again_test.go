package storetest

import (
	"context"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"signet/internal/store"
)

// again are owners one of whom has rows of its migrations.
var again = []string{"quota", "people"}

// onServer runs fn with a schema that was laid out, after whose test nobody reaches it, and
// returns its name.
func onServer(t *testing.T, fn func(t *testing.T, db *store.DB)) (name string) {
	t.Helper()
	t.Run("postgres", func(t *testing.T) {
		if os.Getenv(PostgresURL) == "" {
			t.Skip(PostgresURL + " names no server")
		}
		db := Open(t, LaidOut(t, again), nil)
		name = texts(t, db, `SELECT current_schema()`)[0]
		fn(t, db)
	})
	if name != "" {
		awaitEnd(t, name)
	}
	return name
}

// awaitEnd waits until the connections to a schema have ended.
func awaitEnd(t *testing.T, name string) {
	t.Helper()
	db, err := store.Open(t.Context(), os.Getenv(PostgresURL))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for connected := 1; connected > 0; {
		err := db.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE application_name = $1`, name).Scan(&connected)
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Whatever a test does to its schema, the next finds one as new.
func TestASchemaIsAsNew(t *testing.T) {
	world := func(t *testing.T, db *store.DB) []string {
		return append(shape(t, db, again), Dump(t, db, "quota_buckets", "people_state"))
	}
	var want []string
	onServer(t, func(t *testing.T, db *store.DB) { want = world(t, db) })
	for name, change := range map[string]string{
		"rows are inserted":             `INSERT INTO quota_buckets (tag, budget, full_ns) VALUES ('t', 'b', 1)`,
		"rows of migrations are gone":   `DELETE FROM people_state`,
		"rows of migrations change":     `UPDATE people_state SET feed_position = 7`,
		"a table is added":              `CREATE TABLE more (n BIGINT NOT NULL PRIMARY KEY)`,
		"a table is gone":               `DROP TABLE people_labels`,
		"a table is another":            `ALTER TABLE people_labels RENAME TO people_label`,
		"a column is added":             `ALTER TABLE people_state ADD COLUMN more BIGINT`,
		"a column is gone":              `ALTER TABLE people_state DROP COLUMN skipped`,
		"a column is changed":           `ALTER TABLE people_state ALTER COLUMN skipped DROP NOT NULL`,
		"a constraint is added":         `ALTER TABLE people_state ADD CHECK (feed_position < 9)`,
		"an index is added":             `CREATE INDEX more ON people_state (skipped)`,
		"a function is added":           `CREATE FUNCTION more() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
		"a migration is said to be due": `DELETE FROM goose_people`,
	} {
		t.Run(name, func(t *testing.T) {
			changed := onServer(t, func(t *testing.T, db *store.DB) {
				exec(t, db, change)
				if cmp.Equal(want, world(t, db)) {
					t.Error("nothing has changed")
				}
			})
			found := onServer(t, func(t *testing.T, db *store.DB) {
				if diff := cmp.Diff(want, world(t, db)); diff != "" {
					t.Error(diff)
				}
			})
			if found != changed {
				t.Errorf("a free schema, %s, is not used again, but %s is", changed, found)
			}
		})
	}
}

// A schema of no owners is empty, whatever the test before has made in it.
func TestASchemaOfNobody(t *testing.T) {
	if os.Getenv(PostgresURL) == "" {
		t.Skip(PostgresURL + " names no server")
	}
	for range 3 {
		t.Run("postgres", func(t *testing.T) {
			db := Open(t, LaidOut(t, nil), nil)
			name := texts(t, db, `SELECT current_schema()`)[0]
			if tables := texts(t, db, `SELECT tablename FROM pg_tables WHERE schemaname = '`+name+`'`); len(tables) > 0 {
				t.Errorf("%s has the tables %q", name, tables)
			}
			exec(t, db, `CREATE TABLE more (n BIGINT NOT NULL PRIMARY KEY)`)
			db.Close()
			awaitEnd(t, name)
		})
	}
}

// Commits that fail in one test do not in the next.
func TestATriggerIsGone(t *testing.T) {
	for range 2 {
		onServer(t, func(t *testing.T, db *store.DB) {
			if _, err := db.Exec(t.Context(), `UPDATE people_state SET skipped = 1`); err != nil {
				t.Error(err)
			}
			FailCommits(t, db, "people_state")
			if _, err := db.Exec(t.Context(), `UPDATE people_state SET skipped = 2`); err == nil {
				t.Error("a commit on a full disk succeeds")
			}
		})
	}
}

// A schema that somebody has, or still reaches, is nobody else's.
func TestASchemaIsOfOneTest(t *testing.T) {
	onServer(t, func(t *testing.T, db *store.DB) {
		mine := texts(t, db, `SELECT current_schema()`)
		other := keeper{taken: map[string]bool{}} // another process
		t.Cleanup(func() { other.conn.Close(context.Background()) })
		for _, k := range []*keeper{&schemas, &other} {
			name, err := k.take(context.Background(), again, schema(t, again))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := k.giveBack(context.Background(), name); err != nil {
					t.Error(err)
				}
			})
			if name == mine[0] {
				t.Error("two have one schema")
			}
		}
		if err := schemas.giveBack(t.Context(), mine[0]); err != nil {
			t.Fatal(err)
		}
		if free, err := other.lock(t.Context(), mine[0]); free || err != nil {
			t.Errorf("a schema that is reached is free: %v, %v", free, err)
		}
	})
}
