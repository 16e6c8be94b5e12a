package store

import (
	"context"
	"sync"
)

// maxParameters is how many parameters an Inserter's statement has at most: SQLite's
// driver looks for each among all.
const maxParameters = 200

// insertSizes are how many rows one statement inserts: few sizes, so that each is prepared once.
var insertSizes = []int{64, 32, 16, 8, 4, 2, 1}

// Inserter inserts rows into a table, many with one statement. Its zero value inserts
// nothing; Head, Tail and Columns are not changed after the first use.
type Inserter struct {
	Head    string   // INSERT INTO … (…)
	Tail    string   // ON CONFLICT …, or nothing
	Columns int      // how many values a row has
	texts   sync.Map // by size
}

// Insert stores rows, each of them one value a column.
func (i *Inserter) Insert(ctx context.Context, tx *Tx, rows [][]any) error {
	for _, size := range insertSizes {
		if size > 1 && size*i.Columns > maxParameters {
			continue
		}
		for len(rows) >= size {
			args := make([]any, 0, size*i.Columns)
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

func (i *Inserter) text(size int) string {
	if text, made := i.texts.Load(size); made {
		return text.(string)
	}
	text := i.Head + " VALUES " + RowParameters(size, i.Columns) + i.Tail
	i.texts.Store(size, text)
	return text
}
