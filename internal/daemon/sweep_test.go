package daemon

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What is over is forgotten a while after the start and every hour then, one kind after
// another, whatever became of those before.
func TestSweepsAreDoneNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		done := make(chan string, 10)
		p := Process{Log: slog.New(slog.NewTextHandler(&log, nil)), Sweeps: []Sweep{
			{What: "letters", Do: func(context.Context) error { done <- "letters"; return errors.New("ink") }},
			{What: "stamps", Do: func(context.Context) error { done <- "stamps"; return nil }},
		}}
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- p.sweep(ctx) }()
		want := func(after time.Duration, want ...string) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			var got []string
			for len(done) > 0 {
				got = append(got, <-done)
			}
			if !slices.Equal(got, want) {
				t.Errorf("another %s later: done %q, want %q", after, got, want)
			}
		}
		want(sweepLate - time.Second)
		want(sweepLate+time.Second, "letters", "stamps")
		want(sweepEvery - 2*sweepLate)
		want(2*sweepLate, "letters", "stamps")
		end()
		if err := <-ended; err != nil {
			t.Errorf("sweep = %v at its end", err)
		}
		if got := log.String(); strings.Count(got, `what=letters error=ink`) != 2 || strings.Contains(got, "stamps") {
			t.Errorf("the log says\n%s", got)
		}
	})
}

// Being told to stop is no failure of the sweep that it interrupts.
func TestAnInterruptedSweepIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		p := Process{Log: slog.New(slog.NewTextHandler(&log, nil)), Sweeps: []Sweep{
			{What: "letters", Do: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
		}}
		ctx, end := context.WithTimeout(t.Context(), 3*sweepLate)
		defer end()
		if err := p.sweep(ctx); err != nil || log.Len() > 0 {
			t.Errorf("sweep = %v, log %q", err, log.String())
		}
	})
}
