package store_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"testing"

	"signet/internal/store"
	"signet/internal/store/storetest"
)

// Rows in any number go in, each once, are read back in order, and a tail says what
// becomes of those that are there.
func TestManyRows(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		counterTable(t, db)
		into := store.Inserter{Head: "INSERT INTO counter (name, n)", Tail: " ON CONFLICT (name) DO UPDATE SET n = excluded.n", Columns: 2}
		var want []int
		for _, size := range []int{0, 1, 3, 64, 127, 200} {
			want = nil
			var rows [][]any
			for i := range size {
				want = append(want, size+i)
				rows = append(rows, []any{string(rune('b' + i)), size + i})
			}
			err := db.Tx(t.Context(), func(tx *store.Tx) error { return into.Insert(t.Context(), tx, rows) })
			if err != nil {
				t.Fatal(err)
			}
			got, err := store.Collect(t.Context(), db, scanNumber, "SELECT n FROM counter WHERE name <> $1 ORDER BY n", "a")
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("of %d rows %v were read, and %v", size, got, err)
			}
		}
	})
}

// A row that cannot be read ends the reading, and leaves nothing open that a later write
// would wait for.
func TestARowThatCannotBeRead(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		counterTable(t, db)
		unreadable := errors.New("unreadable")
		got, err := store.Collect(t.Context(), db, func(*sql.Rows) (int, error) { return 1, unreadable }, "SELECT n FROM counter")
		if !errors.Is(err, unreadable) || got != nil {
			t.Errorf("read %v, %v", got, err)
		}
		if err := add(context.Background(), db); err != nil {
			t.Error(err)
		}
	})
}

func scanNumber(rows *sql.Rows) (n int, err error) { return n, rows.Scan(&n) }
