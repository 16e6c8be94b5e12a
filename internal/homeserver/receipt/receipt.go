package receipt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// Kind is a kind of receipt.
type Kind string

// The kinds.
const (
	Read    Kind = "m.read"
	Private Kind = "m.read.private"
)

// Main is the thread of all events that are in none.
const Main = "main"

// maxThread is how long an event id, and so a thread's, may be in octets.
const maxThread = 255

// maxThreads is of how many threads of a room a user's receipts of one kind are kept: those
// that are furthest. Everybody who comes into the room is told them all.
const maxThreads = 500

// What a receipt is refused for.
var (
	ErrKind   = errors.New("no such kind of receipt")
	ErrThread = errors.New(`a thread_id is an event id or "main"`)
)

// Receipt says that a user has read a room up to an event.
type Receipt struct {
	Room     matrix.RoomID
	User     matrix.UserID
	Kind     Kind
	Thread   string // the event id of its root, or Main; empty for the whole room
	EventID  string
	EventPos stream.Pos
}

// Committer is where receipts are put into the stream, as stream.Committer does.
type Committer interface {
	Commit(ctx context.Context, users []matrix.UserID, write func(tx *store.Tx, pos stream.Pos) error) (stream.Pos, error)
}

// Rooms tells who is shown a receipt.
type Rooms interface {
	// LocalMembers are the users of this server who have joined a room.
	LocalMembers(room matrix.RoomID) []matrix.UserID
}

// Receipts are all receipts of a server. It is safe for concurrent use.
type Receipts struct {
	DB     *store.DB
	Stream Committer
	Rooms  Rooms
	Now    func() time.Time
	// Outgoing takes receipts for other servers; nil: nobody is told.
	Outgoing Outgoing
	// Moving, if set, is called before a receipt of a user in a room moves, and what it
	// returns after that.
	Moving func(room matrix.RoomID, user matrix.UserID) (moved func())
	// Ended, if set, tells of a user of this server whether their account has ended, as q
	// sees it: their receipts move no more.
	Ended func(ctx context.Context, q store.Queryer, user matrix.UserID) (bool, error)
}

// errOld is the refusal of a receipt that is not ahead of the one there is.
var errOld = errors.New("the receipt is not ahead")

// Set moves a receipt forward. One that is not ahead of what there is changes nothing and
// wakes nobody, which is no error. Errors are ErrKind, ErrThread and the stream's.
func (r *Receipts) Set(ctx context.Context, receipt Receipt) error {
	if err := receipt.check(); err != nil {
		return err
	}
	ahead, err := isAhead(ctx, r.DB, receipt)
	if err != nil {
		return fmt.Errorf("reading a receipt: %w", err)
	}
	if !ahead {
		return nil
	}
	to, err := r.elsewhere(ctx, receipt)
	if err != nil {
		return err
	}
	if r.Moving != nil {
		defer r.Moving(receipt.Room, receipt.User)()
	}
	// Whoever was told of the move waits for its end, though the caller goes away.
	_, err = r.Stream.Commit(context.WithoutCancel(ctx), r.shown(receipt), func(tx *store.Tx, pos stream.Pos) error {
		if ended, err := r.ended(ctx, tx, receipt.User); err != nil || ended {
			return cmp.Or(err, stream.Refuse(errOld))
		}
		moved, err := putReceipt(ctx, tx, receipt, pos, r.Now())
		if err == nil && !moved {
			return stream.Refuse(errOld)
		}
		if err == nil && receipt.Thread != "" && receipt.Thread != Main {
			err = deleteOldThreads(ctx, tx, receipt, maxThreads)
		}
		if err != nil || len(to) == 0 {
			return err
		}
		return r.Outgoing.QueueReceipt(ctx, tx, to, receipt, r.Now())
	})
	if errors.Is(err, errOld) {
		return nil
	}
	return err
}

func (r *Receipts) ended(ctx context.Context, tx *store.Tx, user matrix.UserID) (bool, error) {
	if r.Ended == nil {
		return false, nil
	}
	return r.Ended(ctx, tx, user)
}

func (r Receipt) check() error {
	switch {
	case r.Kind != Read && r.Kind != Private:
		return ErrKind
	case r.Thread != "" && r.Thread != Main && (r.Thread[0] != '$' || len(r.Thread) > maxThread):
		return ErrThread
	}
	return nil
}

// shown are the users of this server who are shown a receipt.
func (r *Receipts) shown(receipt Receipt) []matrix.UserID {
	if receipt.Kind == Private {
		return []matrix.UserID{receipt.User}
	}
	return r.Rooms.LocalMembers(receipt.Room)
}

// ReadUpTo is how far a user has read a room: the furthest of both kinds, by thread, with
// those for the whole room under "". What is missing was never read.
func (r *Receipts) ReadUpTo(ctx context.Context, room matrix.RoomID, user matrix.UserID) (map[string]stream.Pos, error) {
	furthest, err := selectFurthest(ctx, r.DB, room, user)
	if err != nil {
		return nil, fmt.Errorf("reading receipts: %w", err)
	}
	return furthest, nil
}

// Leaver is the account.Leaver of receipts.
type Leaver struct{}

// Leave takes all receipts of a user away, if the user is to be erased.
func (Leaver) Leave(ctx context.Context, tx *store.Tx, user matrix.UserID, erase bool) error {
	if !erase {
		return nil
	}
	if err := deleteOfUser(ctx, tx, user); err != nil {
		return fmt.Errorf("erasing a user's receipts: %w", err)
	}
	return nil
}
