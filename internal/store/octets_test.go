package store_test

import (
	"bytes"
	"testing"

	"signet/internal/store"
	"signet/internal/store/storetest"
)

// What was read of a row stays as it was when the next ones are read, and after that.
func TestOctetsAreTheReaders(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		want := [][]byte{nil, {0, 255}, bytes.Repeat([]byte("a"), 9000), bytes.Repeat([]byte("b"), 9000), []byte("c")}
		err := db.Tx(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, `CREATE TABLE said (n BIGINT PRIMARY KEY, octets BYTEA)`)
			for n := 0; n < len(want) && err == nil; n++ {
				_, err = tx.Exec(ctx, `INSERT INTO said (n, octets) VALUES ($1, $2)`, n, want[n])
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		var got [][]byte
		q := store.Question{Query: `SELECT octets FROM said ORDER BY n`, Take: func(row store.Row) error {
			var o store.Octets
			err := row.Scan(&o)
			got = append(got, o)
			return err
		}}
		for _, questions := range [][]store.Question{{q}, {q, q}} {
			got = nil
			if err := db.Ask(ctx, questions...); err != nil {
				t.Fatal(err)
			}
			if len(got) != len(questions)*len(want) {
				t.Fatalf("%d rows of %d", len(got), len(questions)*len(want))
			}
			for i := range got {
				if w := want[i%len(want)]; !bytes.Equal(got[i], w) || (got[i] == nil) != (w == nil) {
					t.Errorf("row %d holds %.10q, want %.10q", i, got[i], w)
				}
			}
		}
	})
	var o store.Octets
	if o.Scan("text") == nil {
		t.Error("text is taken for octets")
	}
}
