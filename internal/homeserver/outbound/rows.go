package outbound

import (
	"context"
	"strconv"
	"strings"
	"sync"

	"signet/internal/store"
)

// sizes are how many rows one statement inserts: few sizes, so that each is prepared once. A
// room may have hundreds of servers, and the stream waits for all rows of an event.
var sizes = []int{32, 8, 2, 1}

// inserter inserts rows into a table, many with one statement.
type inserter struct {
	head, tail string
	columns    int
	texts      sync.Map // by size
}

func (i *inserter) insert(ctx context.Context, tx *store.Tx, rows [][]any) error {
	for _, size := range sizes {
		for len(rows) >= size {
			args := make([]any, 0, size*i.columns)
			for _, row := range rows[:size] {
				args = append(args, row...)
			}
			if _, err := tx.Exec(ctx, i.text(size), args...); err != nil {
				return err
			}
			rows = rows[size:]
		}
	}
	return nil
}

func (i *inserter) text(size int) string {
	if text, made := i.texts.Load(size); made {
		return text.(string)
	}
	tuples := make([]string, size)
	for row := range tuples {
		places := make([]string, i.columns)
		for column := range places {
			places[column] = "$" + strconv.Itoa(row*i.columns+column+1)
		}
		tuples[row] = "(" + strings.Join(places, ", ") + ")"
	}
	text := i.head + " VALUES " + strings.Join(tuples, ", ") + i.tail
	i.texts.Store(size, text)
	return text
}
