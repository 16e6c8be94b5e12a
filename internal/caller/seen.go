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

// FirstSeen tells since when a homeserver is known here, on any of its ports: since
// it first vouched for a user, or signed a call. A name that nobody stands behind is
// never known.
func (g *Gate) FirstSeen(ctx context.Context, server matrix.ServerName) (since time.Time, known bool, err error) {
	host := server.WithoutPort()
	if since, known = g.seen.get(host); known {
		return since, true, nil
	}
	since, known, err = selectHomeserver(ctx, g.DB, host)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("reading since when a homeserver is known: %w", err)
	}
	if known {
		g.seen.put(host, since)
	}
	return since, known, nil
}

// meet records that a homeserver is there. It must have proven so: the names that
// strangers think of are not kept.
func (g *Gate) meet(ctx context.Context, server matrix.ServerName) error {
	if _, known, err := g.FirstSeen(ctx, server); known || err != nil {
		return err
	}
	if err := insertHomeserver(ctx, g.DB, server.WithoutPort(), g.Now()); err != nil {
		return fmt.Errorf("recording a homeserver: %w", err)
	}
	return nil
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

// seenMemo remembers when homeservers were first seen, which never changes.
type seenMemo struct {
	mu    sync.RWMutex // guards since
	since map[matrix.ServerName]time.Time
}

func (m *seenMemo) get(host matrix.ServerName) (time.Time, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	since, known := m.since[host]
	return since, known
}

// put forgets an arbitrary other one where there is no room left.
func (m *seenMemo) put(host matrix.ServerName, since time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.since == nil {
		m.since = map[matrix.ServerName]time.Time{}
	}
	for other := range m.since {
		if len(m.since) < seenSize {
			break
		}
		delete(m.since, other)
	}
	m.since[host] = since
}
