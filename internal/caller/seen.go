package caller

import (
	"context"
	"fmt"
	"sync"
	"time"

	"signet/internal/matrix"
)

// accountKept is how long an account is remembered after it last got a token. One
// that comes back later is new again.
const accountKept = 365 * 24 * time.Hour

const (
	// homeserverKept is how long a homeserver is remembered after it last vouched for a
	// user or signed a call. It is longer than for accounts, which are known by it.
	homeserverKept = 400 * 24 * time.Hour
	// newcomerFor is how long a homeserver is a newcomer.
	newcomerFor = 7 * 24 * time.Hour
)

// FirstSeen tells since when a homeserver is known here, on any of its ports: since
// it first vouched for a user, or signed a call. A name that nobody stands behind is
// never known.
func (g *Gate) FirstSeen(ctx context.Context, server matrix.ServerName) (since time.Time, known bool, err error) {
	a, known, err := g.acquaintance(ctx, server.WithoutPort())
	return a.since, known, err
}

// newcomer tells whether a homeserver is known for less than a week, and not the
// operator's.
func (g *Gate) newcomer(ctx context.Context, server matrix.ServerName) (bool, error) {
	if g.Own[server] {
		return false, nil
	}
	since, known, err := g.FirstSeen(ctx, server)
	return !known || g.Now().Sub(since) < newcomerFor, err
}

// meet records that a homeserver is there, at most once a day. It must have proven so:
// the names that strangers think of are not kept.
func (g *Gate) meet(ctx context.Context, server matrix.ServerName) error {
	host, now := server.WithoutPort(), g.Now()
	a, known, err := g.acquaintance(ctx, host)
	if err != nil || known && now.Sub(a.seen) < seenEvery {
		return err
	}
	if err := upsertHomeserver(ctx, g.DB, host, now); err != nil {
		return fmt.Errorf("recording a homeserver: %w", err)
	}
	if known { // of a new one the first to record it says since when
		g.seen.put(host, acquaintance{since: a.since, seen: now, read: now})
	}
	return nil
}

func (g *Gate) acquaintance(ctx context.Context, host matrix.ServerName) (a acquaintance, known bool, err error) {
	now := g.Now()
	if a, known = g.seen.get(host); known && now.Sub(a.read) < seenEvery {
		return a, true, nil
	}
	a, known, err = selectHomeserver(ctx, g.DB, host)
	if err != nil {
		return acquaintance{}, false, fmt.Errorf("reading since when a homeserver is known: %w", err)
	}
	if known {
		a.read = now
		g.seen.put(host, a)
	}
	return a, known, nil
}

// AccountSince tells since when an account is known here: since it first registered,
// also where it has logged out since. It is a signal, not a proof: accounts cost
// their homeserver nothing.
func (g *Gate) AccountSince(ctx context.Context, user matrix.UserID) (since time.Time, known bool, err error) {
	since, known, err = selectAccount(ctx, g.DB, g.accounts.Of(user.String()), user)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("reading since when an account is known: %w", err)
	}
	return since, known, nil
}

// seenSize bounds the homeservers that are kept in memory.
const seenSize = 4096

// acquaintance is since when a homeserver is known, when it was last seen, within a day,
// and when that was read.
type acquaintance struct{ since, seen, read time.Time }

// seenMemo remembers acquaintances, of which since does not change until the homeserver
// is forgotten.
type seenMemo struct {
	mu   sync.RWMutex // guards host
	host map[matrix.ServerName]acquaintance
}

func (m *seenMemo) get(host matrix.ServerName) (acquaintance, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	a, known := m.host[host]
	return a, known
}

// put forgets an arbitrary other one where there is no room left.
func (m *seenMemo) put(host matrix.ServerName, a acquaintance) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.host == nil {
		m.host = map[matrix.ServerName]acquaintance{}
	}
	for other := range m.host {
		if len(m.host) < seenSize {
			break
		}
		delete(m.host, other)
	}
	m.host[host] = a
}
