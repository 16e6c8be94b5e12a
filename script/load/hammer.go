package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// exchange is a request, and what is made of its answer. A nil take wants a 200.
type exchange struct {
	request []byte
	take    func(answer) error
}

// source gives the next exchange to whoever asks, or false when there is none left. It
// is called by many goroutines.
type source func() (exchange, bool)

// only gives the same request for ever.
func only(request []byte) source {
	return func() (exchange, bool) { return exchange{request: request}, true }
}

// upTo is a source of n exchanges.
func upTo(n int, make func(i int) exchange) source {
	var given atomic.Int64
	return func() (exchange, bool) {
		i := int(given.Add(1)) - 1
		if i >= n {
			return exchange{}, false
		}
		return make(i), true
	}
}

// hammer keeps connections to the addresses busy with what the source gives, for a time or until it
// gives no more; each makes one exchange, however late it comes to that. It returns how long each exchange took, and the first error. The end
// of ctx is none.
func hammer(ctx context.Context, addrs []string, connections int, d time.Duration, next source) ([]time.Duration, error) {
	hammering, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	end := time.Now().Add(d)
	took := make([][]time.Duration, connections)
	var workers sync.WaitGroup
	for i := range took {
		workers.Go(func() {
			var err error
			if took[i], err = work(hammering, addrs[i%len(addrs)], end, next); err != nil {
				cancel(err)
			}
		})
	}
	workers.Wait()
	var all []time.Duration
	for _, t := range took {
		all = append(all, t...)
	}
	if ctx.Err() != nil {
		return all, nil
	}
	return all, context.Cause(hammering)
}

// work is one connection's share.
func work(ctx context.Context, addr string, end time.Time, next source) (took []time.Duration, err error) {
	w, err := dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	took = make([]time.Duration, 0, 1<<16)
	for ctx.Err() == nil {
		x, more := next()
		began := time.Now()
		if !more || len(took) > 0 && !began.Before(end) {
			return took, nil
		}
		answer, err := w.do(x.request)
		if err != nil {
			return took, err
		}
		took = append(took, time.Since(began))
		if err := x.judge(answer); err != nil {
			return took, err
		}
	}
	return took, nil
}

func (x exchange) judge(a answer) error {
	if x.take == nil {
		return a.hoped(200)
	}
	return x.take(a)
}
