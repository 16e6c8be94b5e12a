package store

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// Row is a row of an answer.
type Row interface {
	Scan(into ...any) error
}

// Question is a statement that reads, and what is done with each row of its answer.
type Question struct {
	Query string
	Args  []any
	Take  func(Row) error
}

// Ask asks questions outside a transaction, in their order: on PostgreSQL all together, in
// one round trip. An error, of Take too, ends it, and what was taken before was taken.
func (db *DB) Ask(ctx context.Context, questions ...Question) error {
	if db.engine == PostgreSQL && len(questions) > 1 {
		return db.askTogether(ctx, questions)
	}
	for _, q := range questions {
		if err := db.ask(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

func (db *DB) ask(ctx context.Context, q Question) error {
	rows, err := db.Query(ctx, q.Query, q.Args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	return q.take(rows)
}

func (q Question) take(rows interface {
	Row
	Next() bool
	Err() error
}) error {
	for rows.Next() {
		if err := q.Take(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (db *DB) askTogether(ctx context.Context, questions []Question) error {
	conn, err := db.pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() // gives it back
	db.reader.count.Add(int64(len(questions)))
	return conn.Raw(func(c any) error {
		var batch pgx.Batch
		for _, q := range questions {
			batch.Queue(q.Query, q.Args...).Query(func(rows pgx.Rows) error { return q.take(rows) })
		}
		return c.(*stdlib.Conn).Conn().SendBatch(ctx, &batch).Close()
	})
}
