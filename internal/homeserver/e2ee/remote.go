package e2ee

import (
	"context"
	"errors"
	"sync"
	"time"

	"signet/internal/matrix"
)

// Remote asks other servers, for their own users alone (server-server API, "End-to-End
// Encryption"). What it returns is bounded and of the right form, and otherwise as the
// other server has sent it. It may be called at the same time.
type Remote interface {
	QueryKeys(ctx context.Context, server matrix.ServerName, query Query) (Keys, error)
	ClaimKeys(ctx context.Context, server matrix.ServerName, claims Claims) (Claimed, error)
}

// Failures are the servers that could not be asked, and why not.
type Failures map[matrix.ServerName]error

// ErrNoRemote is why no other server is asked.
var ErrNoRemote = errors.New("this server does not ask others")

// remotesAtOnce is how many servers one request asks at the same time.
const remotesAtOnce = 10

// remoteWait is how long other servers are waited for where nobody says how long.
const remoteWait = 10 * time.Second

// askAll asks servers side by side, and waits for them all together; ask runs for each of
// them, and keep for what it returned, one after the other.
func askAll[Q, A any](ctx context.Context, wait time.Duration, queries map[matrix.ServerName]Q,
	ask func(context.Context, matrix.ServerName, Q) (A, error), keep func(matrix.ServerName, A)) Failures {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	var (
		mu       sync.Mutex // guards failures and what keep writes
		asking   sync.WaitGroup
		failures = Failures{}
		slots    = make(chan struct{}, remotesAtOnce)
	)
	for server, query := range queries {
		slots <- struct{}{}
		asking.Go(func() {
			defer func() { <-slots }()
			var answer A
			err := ctx.Err()
			if err == nil {
				answer, err = ask(ctx, server, query)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failures[server] = err
				return
			}
			keep(server, answer)
		})
	}
	asking.Wait()
	return failures
}

// claimElsewhere adds to claimed what other servers give out of their own users' keys.
func (e *Encryption) claimElsewhere(ctx context.Context, wait time.Duration, claims map[matrix.ServerName]Claims, claimed Claimed) Failures {
	ask := func(ctx context.Context, server matrix.ServerName, c Claims) (Claimed, error) {
		if e.Remote == nil {
			return nil, ErrNoRemote
		}
		return e.Remote.ClaimKeys(ctx, server, c)
	}
	return askAll(ctx, wait, claims, ask, func(server matrix.ServerName, answer Claimed) {
		for user, devices := range claims[server] {
			for id := range devices {
				if keys := answer[user][id]; len(keys) > 0 {
					claimed.add(Device{user, id}, keys)
				}
			}
		}
	})
}

// queryElsewhere adds to keys what other servers say of their own users.
func (e *Encryption) queryElsewhere(ctx context.Context, wait time.Duration, queries map[matrix.ServerName]Query, keys Keys) Failures {
	ask := func(ctx context.Context, server matrix.ServerName, q Query) (Keys, error) {
		if e.Remote == nil {
			return Keys{}, ErrNoRemote
		}
		return e.Remote.QueryKeys(ctx, server, q)
	}
	return askAll(ctx, wait, queries, ask, func(server matrix.ServerName, answer Keys) {
		for user := range queries[server] {
			keys.takeOver(user, answer)
		}
	})
}
