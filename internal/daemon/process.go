package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"
)

// cancelGrace is how long requests that outlast the drain have to return once
// their contexts are cancelled, before their connections are cut.
const cancelGrace = 2 * time.Second

// Process is a program that serves until it is told to stop.
type Process struct {
	Log       *slog.Logger
	Listeners []Listener
	// Background runs beside the listeners, from before the first request until
	// after the last. It ends when its context does; an error ends the process.
	Background []func(context.Context) error
	Sweeps     []Sweep // done now and then
	// DrainTimeout is how long running requests are waited for; then their
	// contexts are cancelled.
	DrainTimeout time.Duration
	// Health, if set, turns unready when the drain begins.
	Health *Health
	// Draining, if set, is told that the drain begins, so that requests end which wait on
	// purpose for something to happen.
	Draining func()
	// Ready, if set, is told the bound addresses, in the order of Listeners, once
	// all of them accept connections.
	Ready func([]net.Addr)
}

// Run binds every listener, serves until ctx is done, then drains. It returns
// nil after a clean drain, the first error otherwise; when a listener cannot be
// bound nothing is served.
func (p Process) Run(ctx context.Context) error {
	requests, cancelRequests := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelRequests()
	servers, err := p.bind(requests)
	if err != nil {
		return err
	}
	p.Background = append(slices.Clip(p.Background), p.sweep)
	failed := make(chan error, len(servers)+len(p.Background))
	stopBackground := p.startBackground(context.WithoutCancel(ctx), failed)
	for _, s := range servers {
		go s.serve(failed)
	}
	if p.Ready != nil {
		p.Ready(addresses(servers))
	}
	cause := p.wait(ctx, failed)
	drained := p.drain(servers, cancelRequests)
	stopBackground()
	return errors.Join(cause, drained, pending(failed))
}

// wait returns nil when the process is told to stop, or the first failure.
func (p Process) wait(ctx context.Context, failed <-chan error) error {
	select {
	case <-ctx.Done():
		p.Log.Info("stopping: no new requests are taken", "drain_timeout", p.DrainTimeout.String())
		return nil
	case err := <-failed:
		p.Log.Error("stopping because of a failure", "error", err)
		return err
	}
}

// startBackground starts the background work; the function it returns stops the
// work and waits for it. What fails is told to failed, which has room for all.
func (p Process) startBackground(ctx context.Context, failed chan<- error) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	for _, work := range p.Background {
		running.Go(func() {
			err := work(ctx)
			stopped := ctx.Err() != nil && errors.Is(err, context.Canceled)
			if err != nil && !stopped {
				failed <- fmt.Errorf("background work: %w", err)
			}
		})
	}
	return func() {
		cancel()
		running.Wait()
	}
}

// pending is what failed while the process was already stopping.
func pending(failed <-chan error) error {
	var errs []error
	for {
		select {
		case err := <-failed:
			errs = append(errs, err)
		default:
			return errors.Join(errs...)
		}
	}
}

// drain ends the servers: it lets requests finish, then cancels those that do
// not, then cuts the connections of those that do not even then.
func (p Process) drain(servers []*server, cancelRequests context.CancelFunc) error {
	if p.Health != nil {
		p.Health.Drain()
	}
	if p.Draining != nil {
		p.Draining()
	}
	if err := shutdown(servers, p.DrainTimeout); err == nil {
		return nil
	}
	p.Log.Warn("requests outlast the drain and are cancelled")
	cancelRequests()
	if err := shutdown(servers, cancelGrace); err != nil {
		for _, s := range servers {
			s.http.Close()
		}
		return fmt.Errorf("requests did not end when cancelled: %w", err)
	}
	return nil
}

// shutdown stops all servers at the same time and waits for their requests.
func shutdown(servers []*server, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	errs := make([]error, len(servers))
	var stopping sync.WaitGroup
	for i, s := range servers {
		stopping.Go(func() { errs[i] = s.http.Shutdown(ctx) })
	}
	stopping.Wait()
	return errors.Join(errs...)
}
