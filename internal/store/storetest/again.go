package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// PostgreSQL makes and drops a table with its indexes in a millisecond, tests need
// hundreds of thousands, and each schema is the same as one that was used before. So a
// schema of some owners is kept on the server under a name that tells what is in it, for
// whichever test or process comes next. It is that test's alone, and is as if new: rows are
// gone, and where a test has changed anything but rows, all is made anew.

// keeper takes and gives back schemas, over a connection that holds a lock on each that is
// taken, so that they are free again however the process ends.
type keeper struct {
	mu    sync.Mutex // guards what follows
	conn  *pgx.Conn
	taken map[string]bool // the lock does not keep out whoever holds it
}

var schemas = keeper{taken: map[string]bool{}}

// LaidOut is the URL of a PostgreSQL schema that holds the tables of owners, without rows
// but those of the migrations, and is the test's own until its end.
func LaidOut(t testing.TB, owners []string) string {
	t.Helper()
	schemas.mu.Lock()
	defer schemas.mu.Unlock()
	name, err := schemas.take(context.Background(), owners, schema(t, owners))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := schemas.giveBack(context.Background(), name); err != nil {
			t.Error(err)
		}
	})
	return within(t, name)
}

// within is the server's URL for that schema. The name is the connections' too, by which
// those are seen that have not ended yet.
func within(t testing.TB, schema string) string {
	t.Helper()
	u, err := url.Parse(os.Getenv(PostgresURL))
	if err != nil {
		t.Fatal(PostgresURL + " is not a URL")
	}
	query := u.Query()
	query.Set("search_path", `"`+schema+`"`)
	query.Set("application_name", schema)
	u.RawQuery = query.Encode()
	return u.String()
}

// take finds a schema that is free, or makes one.
func (k *keeper) take(ctx context.Context, owners []string, layout string) (name string, err error) {
	if k.conn == nil {
		if k.conn, err = pgx.Connect(ctx, os.Getenv(PostgresURL)); err != nil {
			return "", err
		}
	}
	sum := sha256.Sum256([]byte(layout))
	for n := 0; ; n++ {
		name := fmt.Sprintf("test_%x_%d", sum[:8], n)
		free, err := k.lock(ctx, name)
		if err != nil {
			return "", err
		}
		if free {
			return name, k.prepare(ctx, name, owners, layout)
		}
	}
}

// lock tells whether nobody had the schema, whose connections end only after its test.
func (k *keeper) lock(ctx context.Context, name string) (free bool, err error) {
	if k.taken[name] {
		return false, nil
	}
	if err := k.conn.QueryRow(ctx, `SELECT pg_try_advisory_lock(hashtextextended($1, 0))`, name).Scan(&free); err != nil || !free {
		return false, err
	}
	err = k.conn.QueryRow(ctx, `SELECT NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE application_name = $1)`, name).Scan(&free)
	if err != nil || !free {
		return false, errors.Join(err, k.unlock(ctx, name))
	}
	k.taken[name] = true
	return true, nil
}

func (k *keeper) unlock(ctx context.Context, name string) error {
	_, err := k.conn.Exec(ctx, `SELECT pg_advisory_unlock(hashtextextended($1, 0))`, name)
	return err
}

func (k *keeper) giveBack(ctx context.Context, name string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.taken, name)
	return k.unlock(ctx, name)
}

// layoutOf is what a schema was when it was made: it stands in its comment.
type layoutOf struct {
	Shape string                     // a hash of all that is no row
	Rows  map[string]json.RawMessage // by table, those of the migrations
}

// prepare makes the schema as if new.
func (k *keeper) prepare(ctx context.Context, name string, owners []string, layout string) error {
	return pgx.BeginFunc(ctx, k.conn, func(tx pgx.Tx) error {
		var comment *string
		if err := tx.QueryRow(ctx, `SELECT obj_description(to_regnamespace($1), 'pg_namespace')`, name).Scan(&comment); err != nil {
			return err
		}
		if comment == nil {
			return create(ctx, tx, name, owners, layout)
		}
		var made layoutOf
		if err := json.Unmarshal([]byte(*comment), &made); err != nil {
			return err
		}
		shape, err := shapeOf(ctx, tx, name, owners)
		if err != nil {
			return err
		}
		if shape != made.Shape {
			return create(ctx, tx, name, owners, layout)
		}
		return empty(ctx, tx, name, made.Rows)
	})
}

func create(ctx context.Context, tx pgx.Tx, name string, owners []string, layout string) error {
	text := fmt.Sprintf(`DROP SCHEMA IF EXISTS %q CASCADE; CREATE SCHEMA %[1]q; SET LOCAL search_path = %[1]q;`, name) + layout
	if err := tx.Conn().PgConn().Exec(ctx, text).Close(); err != nil {
		return err
	}
	made := layoutOf{Rows: map[string]json.RawMessage{}}
	tables, err := used(ctx, tx, name)
	if err != nil {
		return err
	}
	for _, table := range tables {
		var rows json.RawMessage
		if err := tx.QueryRow(ctx, `SELECT json_agg(r) FROM `+table+` r`).Scan(&rows); err != nil {
			return err
		}
		made.Rows[table] = rows
	}
	if made.Shape, err = shapeOf(ctx, tx, name, owners); err != nil {
		return err
	}
	comment, err := json.Marshal(made)
	if err != nil {
		return err
	}
	quoted := strings.ReplaceAll(string(comment), "'", "''")
	_, err = tx.Exec(ctx, fmt.Sprintf(`COMMENT ON SCHEMA %q IS '%s'`, name, quoted))
	return err
}

// empty leaves the rows of the migrations alone.
func empty(ctx context.Context, tx pgx.Tx, name string, rows map[string]json.RawMessage) error {
	tables, err := used(ctx, tx, name)
	if err != nil || len(tables) == 0 {
		return err
	}
	if _, err := tx.Exec(ctx, `TRUNCATE `+strings.Join(tables, ", ")+` CASCADE`); err != nil {
		return err
	}
	for table, all := range rows {
		if _, err := tx.Exec(ctx, `INSERT INTO `+table+` SELECT * FROM json_populate_recordset(NULL::`+table+`, $1)`, all); err != nil {
			return err
		}
	}
	return nil
}

// used lists the tables that have had rows, but for goose's. Whose size is asked for is
// locked, so those of others must have been left out before.
func used(ctx context.Context, tx pgx.Tx, name string) ([]string, error) {
	rows, err := tx.Query(ctx, `WITH ours AS MATERIALIZED (SELECT oid, relname FROM pg_class
		WHERE relnamespace = quote_ident($1)::regnamespace AND relkind = 'r' AND relname NOT LIKE 'goose\_%')
		SELECT format('%I.%I', $1::text, relname) FROM ours WHERE pg_relation_size(oid) > 0`, name)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// shapeOf hashes all that makes a schema but for rows of tables: what is changed there, or
// made anew under the same name, has another number.
func shapeOf(ctx context.Context, tx pgx.Tx, name string, owners []string) (hash string, err error) {
	lines := []string{
		`SELECT concat_ws(' ', oid, relname, relkind, relpersistence, relrowsecurity, reloptions) FROM relations`,
		`SELECT concat_ws(' ', attrelid, attnum, a.xmin) FROM pg_attribute a JOIN relations ON attrelid = relations.oid WHERE attnum > 0`,
		`SELECT concat_ws(' ', t.oid, t.xmin) FROM pg_trigger t JOIN relations ON tgrelid = relations.oid`,
		`SELECT concat_ws(' ', oid, xmin) FROM pg_constraint WHERE connamespace = quote_ident($1)::regnamespace`,
		`SELECT concat_ws(' ', oid, xmin) FROM pg_proc WHERE pronamespace = quote_ident($1)::regnamespace`,
	}
	for _, owner := range owners {
		lines = append(lines, fmt.Sprintf(`SELECT concat_ws(' ', '%s', id, version_id, is_applied, xmin) FROM %q.goose_%[1]s`, owner, name))
	}
	err = tx.QueryRow(ctx, `WITH relations AS MATERIALIZED (SELECT * FROM pg_class WHERE relnamespace = quote_ident($1)::regnamespace)
		SELECT md5(coalesce(string_agg(line, ' ' ORDER BY line), '')) FROM (`+strings.Join(lines, " UNION ALL ")+`) AS lines (line)`, name).Scan(&hash)
	if err != nil {
		return "", fmt.Errorf("reading what schema %s is: %w", name, err)
	}
	return hash, nil
}
