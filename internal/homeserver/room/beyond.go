package room

import (
	"context"
	"sync"
	"time"

	"signet/internal/homeserver/stream"
)

// Span is a part of a room's timeline: what stands after a position, up to another.
type Span struct{ After, UpTo stream.Pos }

// whole is all of a timeline.
var whole = Span{-maxPos, maxPos}

// Historian fetches history from other servers.
type Historian interface {
	// Backfill stores events that events in a span of a room follow and that are not here,
	// with what precedes them, and tells whether there were any. An error is that nobody
	// could be asked.
	Backfill(ctx context.Context, roomID string, in Span, limit int) (more bool, err error)
	// At stores the event of other servers that is next to a time, in milliseconds since
	// 1970, before or after it, and tells its id; empty if there is none.
	At(ctx context.Context, roomID string, ts int64, back bool) (eventID string, err error)
}

// pastLife is how long a reader waits for other servers.
const pastLife = 10 * time.Second

// fromBefore goes on with a page of messages where what is here has ended. That nobody can
// be asked is no error of the reader's.
func (rs *Rooms) fromBefore(ctx context.Context, l *lens, w *walk, q *Query, page *Page) error {
	if rs.Historian == nil || !q.Back || !w.ended || w.to != -maxPos || len(page.Events) >= w.limit || !rs.Resident(l.room.id) {
		return nil
	}
	if gaps, err := rs.Gaps(ctx, l.room.id, 1); err != nil || len(gaps) == 0 {
		return err
	}
	asking, cancel := context.WithTimeout(ctx, pastLife)
	defer cancel()
	if more, err := rs.Historian.Backfill(asking, l.room.id, whole, max(w.limit, 50)); err != nil || !more {
		return ctx.Err()
	}
	rest := *w
	rest.ended, rest.limit = false, w.limit-len(page.Events)
	found, err := l.walk(ctx, &rest, &q.Filter)
	page.Events = append(page.Events, found...)
	w.at, w.ended = rest.at, false // there may be more before that
	return err
}

// fromWithin fills the gaps that a page of messages towards the past has passed, and reads it
// again. begin is the way as it began. That nobody can be asked is no error of the reader's.
func (rs *Rooms) fromWithin(ctx context.Context, l *lens, begin walk, w *walk, q *Query, page *Page) error {
	if rs.Historian == nil || !q.Back || !rs.Resident(l.room.id) {
		return nil
	}
	passed := Span{After: max(w.at, 0), UpTo: begin.at + 1} // the last page ended before an event
	if w.ended && w.to == -maxPos {
		passed.After = max(w.at+1, 0) // what the first event follows is for fromBefore
	}
	gaps, err := rs.GapsIn(ctx, l.room.id, passed, gapsAtOnce)
	if err != nil || !rs.asked.worth(gaps, rs.Now()) {
		return err
	}
	asking, cancel := context.WithTimeout(ctx, pastLife)
	defer cancel()
	if more, err := rs.Historian.Backfill(asking, l.room.id, passed, max(w.limit, 50)); err != nil || !more {
		return ctx.Err()
	}
	*w = begin
	page.Events, err = l.walk(ctx, w, &q.Filter)
	return err
}

// gapsAtOnce is how many gaps of a page are looked for.
const gapsAtOnce = 5

// asked remembers the gaps for which others were asked: who reads there again need not wait
// in vain again. The zero value is ready.
type asked struct {
	mu sync.Mutex // guards at
	at map[string]time.Time
}

// Bounds of what is remembered of gaps. It is forgotten whole when it has grown too large.
const (
	askedAgain = time.Hour
	maxAsked   = 10_000
)

// worth tells whether one of some gaps has not been asked for lately, and remembers them.
func (a *asked) worth(gaps []string, now time.Time) (worth bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.at == nil || len(a.at) > maxAsked {
		a.at = map[string]time.Time{}
	}
	for _, id := range gaps {
		if last, known := a.at[id]; !known || now.Sub(last) >= askedAgain {
			a.at[id], worth = now, true
		}
	}
	return worth
}

// nearer is which of two events is next to a time: what is here, or what others have, where
// something is missing here. here is nil if nothing is.
func (rs *Rooms) nearer(ctx context.Context, l *lens, here *Stored, ts int64, back bool) (*Stored, error) {
	if rs.Historian == nil || here != nil && here.OriginServerTS() == ts || !rs.Resident(l.room.id) {
		return here, nil
	}
	if gaps, err := rs.Gaps(ctx, l.room.id, 1); err != nil || len(gaps) == 0 {
		return here, err
	}
	asking, cancel := context.WithTimeout(ctx, pastLife)
	defer cancel()
	id, err := rs.Historian.At(asking, l.room.id, ts, back)
	if err != nil || id == "" {
		return here, ctx.Err()
	}
	there, err := rs.storedByID(ctx, l.room, id)
	if err != nil || there.fate != shown || here != nil && distance(here, ts) <= distance(there, ts) {
		return here, nil
	}
	if sees, err := l.sees(ctx, there); err != nil || !sees {
		return here, err
	}
	return there, nil
}

func distance(s *Stored, ts int64) uint64 {
	if at := s.OriginServerTS(); at > ts {
		return uint64(at) - uint64(ts)
	} else {
		return uint64(ts) - uint64(at)
	}
}
