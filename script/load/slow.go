package main

import (
	"context"
	"time"
)

// How slow the mail server is, and how many requests wait for it.
const (
	slowness = time.Second
	waiting  = 64
)

func prepareSlow(ctx context.Context, s settings) (*stage, error) {
	sc := s.crowd(0)
	sc.delay = slowness
	w, err := build(ctx, s, sc)
	if err != nil {
		return nil, err
	}
	return &stage{close: w.close, run: w.pingWhileSlow}, nil
}

// pingWhileSlow keeps requests for messages waiting while it measures ping.
func (w *world) pingWhileSlow(ctx context.Context) ([]figures, error) {
	behind, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	under := make(chan struct{}, waiting) // one for each request that was given out
	next := w.requestTokens(nil)
	go func() {
		_, err := hammer(behind, w.servers.addrs(), waiting, forever, func() (exchange, bool) {
			select {
			case under <- struct{}{}:
			default:
			}
			return next()
		})
		ended <- err
	}()
	for range waiting {
		select {
		case <-under:
		case err := <-ended:
			cancel()
			return nil, err
		}
	}
	f, err := w.measure(ctx, ping)
	cancel()
	if failed := <-ended; err == nil {
		err = failed
	}
	return []figures{f}, err
}
