package sync

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/receipt"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/homeserver/typing"
	"signet/internal/homeserver/unread"
	"signet/internal/homeserver/userdata"
	"signet/internal/matrix"
)

// Options is what /sync tells of.
type Options struct {
	Stream     *stream.Committer
	Rooms      *room.Rooms
	Data       *userdata.Data
	Encryption *e2ee.Encryption
	Receipts   *receipt.Receipts // nil: there are none
	Typing     *typing.Typing    // nil: nobody types
	Unread     Unread            // nil: nothing is unread
	// Refuse is the error of a server whose users invite nobody here; nil turns nobody away.
	Refuse func(server matrix.ServerName) error
	Now    func() time.Time
	Log    *slog.Logger // nil: nothing is logged
}

// Unread counts what a user has not read, as unread.Unread does.
type Unread interface {
	// Counts is for a user who is in the room, as of a position.
	Counts(ctx context.Context, user matrix.UserID, r *room.Room, to stream.Pos) (unread.Counts, error)
	// Prepare finds out together what Counts has to know of rooms.
	Prepare(ctx context.Context, user matrix.UserID, rooms []*room.Room)
}

// Syncer answers /sync. It is safe for concurrent use.
type Syncer struct {
	Options
	devices generations[deviceKey, *device]
	users   generations[matrix.UserID, *ignoring]
	filters generations[filterKey, *wanted]

	turns chan struct{} // has a place for each who makes an answer that tells everything

	ending sync.Once
	ended  chan struct{} // closed when nobody is to wait any more
}

// New makes a Syncer.
func New(o Options) *Syncer {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Syncer{Options: o, turns: make(chan struct{}, 2*runtime.GOMAXPROCS(0)), ended: make(chan struct{})}
}

// End answers all who wait, and lets nobody wait any more, as when the server goes down.
func (s *Syncer) End() { s.ending.Do(func() { close(s.ended) }) }

// Request is what a device asks for.
type Request struct {
	User   matrix.UserID
	Device string
	// Since is the token of the last answer that the device has, empty for none.
	Since string
	// Filter is a filter's id or, if it begins with {, a filter; empty wants everything.
	Filter string
	// FullState asks for the whole state of all rooms, and does not wait.
	FullState bool
	// StateAfter asks for the state after the timeline in the place of that before it.
	StateAfter bool
	// Timeout is how long the device waits for news, at most MaxTimeout.
	Timeout time.Duration
	// Admission ends the wait of a device that is let in no more; nil is one for ever.
	Admission Admission
}

// Admission is what a device is let in by.
type Admission interface {
	// Doubt is closed when it may have ended. Who calls Check afterwards misses no end.
	Doubt() <-chan struct{}
	// Check is an error if it has ended.
	Check(ctx context.Context) error
}

// MaxTimeout is how long nobody waits longer.
const MaxTimeout = 5 * time.Minute

// Sync answers a request, as JSON, when there is something to tell or when the time is
// over. The answer is written by write, before Sync returns: who reads slowly is among the
// few of a device that are answered at a time. Errors: stream.ErrToken, filter.ErrFilter,
// ErrNoFilter, matrix.LimitExceeded, that of the Admission, and that of write.
func (s *Syncer) Sync(ctx context.Context, r Request, write func(answer []byte) error) error {
	q, err := s.query(ctx, r)
	if err != nil {
		return err
	}
	if !q.device.begin() {
		return matrix.LimitExceeded{RetryAfter: retryAfter}
	}
	defer q.device.end()
	timer := time.NewTimer(min(r.Timeout, MaxTimeout))
	defer timer.Stop()
	for {
		answer, woken, err := s.look(ctx, q, timer.C)
		if err != nil {
			return err
		}
		if !woken {
			return write(answer)
		}
	}
}

const (
	// maxRequests is how many requests of a device are answered at a time. A client has
	// one, and now and then another that it has given up.
	maxRequests = 10
	retryAfter  = time.Second
)

// look answers a query. If there is nothing to tell it waits, and woken says that there
// may be something now; else the answer stands.
func (s *Syncer) look(ctx context.Context, q *query, timeout <-chan time.Time) (answer []byte, woken bool, err error) {
	// Who begins to wait before it is looked what is visible misses nothing.
	waiter := s.Stream.Notifier().Wait(q.User)
	defer waiter.Stop()
	doubt, err := q.doubt(ctx)
	if err != nil {
		return nil, false, err
	}
	done, err := s.turn(ctx, q)
	if err != nil {
		return nil, false, err
	}
	a, err := s.answer(ctx, q)
	done()
	switch {
	case err != nil:
		return nil, false, err
	case a.news || q.FullState || q.Timeout <= 0:
		return a.out, false, nil
	}
	q.base = a.next()
	select {
	case <-waiter.Woken():
		return nil, true, nil
	case <-doubt:
		return nil, true, nil
	case <-timeout:
		return a.out, false, nil
	case <-s.ended:
		return a.out, false, nil
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
}

// turn waits until an answer may be made that tells everything: a few are made at a time,
// and one for a device. Others may be made at once.
func (s *Syncer) turn(ctx context.Context, q *query) (done func(), err error) {
	if !q.whole() {
		return func() {}, nil
	}
	for i, slots := range []chan struct{}{q.device.turn, s.turns} {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			if i > 0 {
				<-q.device.turn
			}
			return nil, ctx.Err()
		}
	}
	return func() { <-s.turns; <-q.device.turn }, nil
}
