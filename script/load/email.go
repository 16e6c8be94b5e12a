package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// prepareEmail gives each run a server of its own, so that one does not find the
// sessions of another.
func prepareEmail(_ context.Context, s settings) (*stage, error) {
	return &stage{close: func() {}, run: func(ctx context.Context) ([]figures, error) {
		w, err := build(ctx, s, s.crowd(0))
		if err != nil {
			return nil, err
		}
		defer w.close()
		return w.each(ctx, w.requestTokens(nil))
	}}, nil
}

// prepareEmailFull makes the sessions as they come to be in life: by requests, whose
// messages are sent. Their accounts are more, so that each has about as many.
//
// The runs go on in the same database: a few thousand more make no difference to it.
func prepareEmailFull(ctx context.Context, s settings) (*stage, error) {
	sc := s.crowd(s.sessions)
	sc.hurry = true
	w, err := build(ctx, s, sc)
	if err != nil {
		return nil, err
	}
	next := w.requestTokens(nil)
	if err := w.fill(ctx, s.sessions, next); err != nil {
		w.close()
		return nil, fmt.Errorf("making sessions: %w", err)
	}
	return &stage{close: w.close, run: func(ctx context.Context) ([]figures, error) { return w.each(ctx, next) }}, nil
}

func (w *world) fill(ctx context.Context, sessions int, next source) error {
	began := time.Now()
	some := upTo(sessions, func(int) exchange { x, _ := next(); return x })
	_, err := hammer(ctx, w.servers.addrs(), joining, forever, some)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	progress("%d sessions took %s", sessions, time.Since(began).Round(time.Second))
	return w.calm(ctx)
}
