package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
)

// statements keeps prepared statements by their text. SQLite has no statement
// cache of its own and preparing costs it as much as running; a program's
// statements are a fixed few, so none is ever thrown out. It is safe for
// concurrent use.
type statements struct {
	prepare func(ctx context.Context, query string) (*sql.Stmt, error)
	mu      sync.RWMutex // guards byText
	byText  map[string]*sql.Stmt
}

func newStatements(prepare func(context.Context, string) (*sql.Stmt, error)) *statements {
	return &statements{prepare: prepare, byText: map[string]*sql.Stmt{}}
}

func (s *statements) get(ctx context.Context, query string) (*sql.Stmt, error) {
	s.mu.RLock()
	stmt := s.byText[query]
	s.mu.RUnlock()
	if stmt != nil {
		return stmt, nil
	}
	stmt, err := s.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if first := s.byText[query]; first != nil {
		return first, stmt.Close()
	}
	s.byText[query] = stmt
	return stmt, nil
}

func (s *statements) close() error {
	var errs []error
	for _, stmt := range s.byText {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(errs...)
}

// runner runs statements on a pool or on one connection, prepared where a cache
// is given.
type runner struct {
	on interface {
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
		QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	}
	cache *statements   // nil: the driver caches by itself
	count *atomic.Int64 // of what callers run, for DB.Statements
}

func (r runner) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	if r.cache == nil {
		return r.on.QueryContext(ctx, query, args...)
	}
	stmt, err := r.cache.get(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

func (r runner) queryRow(ctx context.Context, query string, args []any) *sql.Row {
	if r.cache != nil {
		if stmt, err := r.cache.get(ctx, query); err == nil {
			return stmt.QueryRowContext(brief(ctx), args...)
		}
	}
	return r.on.QueryRowContext(ctx, query, args...) // where preparing failed, the Row tells why
}

func (r runner) exec(ctx context.Context, query string, args []any) (sql.Result, error) {
	if r.cache == nil {
		return r.on.ExecContext(ctx, query, args...)
	}
	stmt, err := r.cache.get(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(brief(ctx), args...)
}

// brief is the context of a statement on SQLite that is over in a moment, with one row or
// none: it ends by itself, since to watch for its caller takes as long as many a statement
// does. A caller who has left before is noticed.
func brief(ctx context.Context) context.Context {
	if ctx.Err() != nil {
		return ctx
	}
	return context.WithoutCancel(ctx)
}
