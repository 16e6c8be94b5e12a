package room

import (
	"context"
	"strconv"
	"strings"
	"sync"

	"signet/internal/store"
)

// maxParameters is how many parameters a statement has at most: SQLite's driver looks for
// each among all.
const maxParameters = 200

// sizes are how many rows one statement inserts: few sizes, so that each is prepared once.
var sizes = []int{64, 32, 16, 8, 4, 2, 1}

// inserter inserts rows into a table, many with one statement.
type inserter struct {
	head    string // INSERT INTO … (…)
	tail    string // ON CONFLICT …, or nothing
	columns int
	texts   sync.Map // by size
}

// insert stores rows, each of them one value a column.
func (i *inserter) insert(ctx context.Context, tx *store.Tx, rows [][]any) error {
	for _, size := range sizes {
		if size > 1 && size*i.columns > maxParameters {
			continue
		}
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
	text := i.head + " VALUES " + tuples(size, i.columns) + i.tail
	i.texts.Store(size, text)
	return text
}

// tuples is ($1, $2), ($3, $4) for two rows of two columns.
func tuples(rows, columns int) string {
	var b strings.Builder
	for row := range rows {
		if row > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('(')
		for column := range columns {
			if column > 0 {
				b.WriteString(", ")
			}
			b.WriteString("$" + strconv.Itoa(row*columns+column+1))
		}
		b.WriteByte(')')
	}
	return b.String()
}
