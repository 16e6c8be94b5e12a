package daemon

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// SignalContext is done at the first SIGTERM or SIGINT. By then the signals have
// their usual effect again, so that a second one kills a drain that hangs.
func SignalContext() (ctx context.Context, stop context.CancelFunc) {
	ctx, stop = context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
		case <-ctx.Done():
		}
		signal.Stop(signals)
		stop()
	}()
	return ctx, stop
}
