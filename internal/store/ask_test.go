package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"testing"

	"signet/internal/store"
	"signet/internal/store/storetest"
)

// lettersOf asks for the rows of a name, n of them at most.
func lettersOf(name string, n int, into *[]string) store.Question {
	return store.Question{
		Query: `SELECT name, n, NULLIF(n, 0) FROM counter WHERE name >= $1 ORDER BY name LIMIT ` + fmt.Sprint(n),
		Args:  []any{name},
		Take: func(row store.Row) error {
			var read string
			var number int64
			var perhaps sql.NullInt64
			if err := row.Scan(&read, &number, &perhaps); err != nil {
				return err
			}
			*into = append(*into, fmt.Sprint(read, number, perhaps.Valid))
			return nil
		},
	}
}

// Each question is answered by its own rows, in their order, also by none.
func TestQuestionsAreAnsweredTogether(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		counterTable(t, db)
		exec(t, db, "INSERT INTO counter (name, n) VALUES ('b', 7), ('c', 0)")
		var all, none, some []string
		for range 2 { // prepared anew, and known
			all, none, some = nil, nil, nil
			if err := db.Ask(t.Context(), lettersOf("a", 3, &all), lettersOf("x", 3, &none), lettersOf("b", 1, &some)); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(all, []string{"a0 false", "b7 true", "c0 false"}) || none != nil || !slices.Equal(some, []string{"b7 true"}) {
				t.Errorf("answers are %v, %v and %v", all, none, some)
			}
		}
		if err := db.Ask(t.Context()); err != nil {
			t.Errorf("no question = %v", err)
		}
	})
}

// What goes wrong with one question ends all that follow, and nothing else.
func TestAQuestionThatFails(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		counterTable(t, db)
		exec(t, db, "INSERT INTO counter (name, n) VALUES ('b', 7)")
		enough := errors.New("enough")
		var before, after []string
		refused := store.Question{Query: `SELECT name FROM counter`, Take: func(store.Row) error { return enough }}
		if err := db.Ask(t.Context(), lettersOf("a", 3, &before), refused, lettersOf("a", 3, &after)); !errors.Is(err, enough) || len(before) != 2 || after != nil {
			t.Errorf("Ask = %v, before it %v, after it %v", err, before, after)
		}
		wrong := store.Question{Query: `SELECT nothing FROM counter`}
		if err := db.Ask(t.Context(), lettersOf("a", 3, &before), wrong); err == nil {
			t.Error("a wrong statement is answered")
		}
		ctx, leave := context.WithCancel(t.Context())
		leave()
		if err := db.Ask(ctx, lettersOf("a", 3, &after), lettersOf("a", 3, &after)); !errors.Is(err, context.Canceled) || after != nil {
			t.Errorf("for who has left, Ask = %v and %v", err, after)
		}
		for range 30 { // more than there are connections
			if err := db.Ask(t.Context(), lettersOf("a", 3, &before), refused); !errors.Is(err, enough) {
				t.Fatal(err)
			}
		}
		if n := count(t, db); n != 0 {
			t.Errorf("then the counter is %d", n)
		}
	})
}
