package daemon

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What is over is forgotten a while after the start and every hour then, one kind after
// another, whatever became of those before.
func TestSweepsAreDoneNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log, done strings.Builder
		p := Process{Log: slog.New(slog.NewTextHandler(&log, nil)), Sweeps: []Sweep{
			{What: "letters", Do: func(context.Context) error { done.WriteString("a"); return errors.New("ink") }},
			{What: "stamps", Do: func(context.Context) error { done.WriteString("b"); return nil }},
		}}
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- p.sweep(ctx) }()
		want := func(after time.Duration, want string) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if got := done.String(); got != want {
				t.Errorf("another %s later: done %q, want %q", after, got, want)
			}
		}
		want(sweepLate-time.Second, "")
		want(sweepLate+time.Second, "ab")
		want(sweepEvery-2*sweepLate, "ab")
		want(2*sweepLate, "abab")
		if got := log.String(); strings.Count(got, `what=letters error=ink`) != 2 || strings.Contains(got, "stamps") {
			t.Errorf("the log says\n%s", got)
		}
		end()
		if err := <-ended; err != nil {
			t.Errorf("sweep = %v at its end", err)
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
