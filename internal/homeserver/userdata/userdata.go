package userdata

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// Committer is where what /sync streams is written, as stream.Committer does.
type Committer interface {
	// Commit runs write in a transaction, with a position greater than all before it, and
	// returns when what was written is durable and visible and the users are woken. Write
	// may run again, and with another position. It must not be called within a transaction.
	Commit(ctx context.Context, users []matrix.UserID, write func(tx *store.Tx, pos stream.Pos) error) (stream.Pos, error)
}

// Follower is told of a change of somebody's profile, to carry it into their rooms.
type Follower interface {
	// ProfileChanged is called after the change is durable, and again for a request that
	// is repeated. An error fails the request that made the change, which then stands all
	// the same.
	ProfileChanged(ctx context.Context, user matrix.UserID, p Profile) error
}

// Heed is told of account data in the transaction that writes it, which an error undoes. It may
// be called again.
type Heed func(ctx context.Context, tx *store.Tx, user matrix.UserID, content jsontext.Value) error

// Options are what the data of users stands on.
type Options struct {
	DB        *store.DB
	Committer Committer
	Follower  Follower // nil: nobody follows
	// RulesChange, if set, is called before it changes of what a user is notified, by
	// their push rules or by whom they ignore, and what it returns after that.
	RulesChange func(matrix.UserID) (changed func())
	// Active tells whether a user has an account that has not ended, as q sees it; nil: all
	// have. It is asked where something is written, so that nothing comes after the end.
	Active func(ctx context.Context, q store.Queryer, user matrix.UserID) (bool, error)
	// Heeded are told what is written of a type of account data of no room.
	Heeded map[string]Heed
	Now    func() time.Time
}

// Data is what the users of one server keep there. It is safe for concurrent use.
type Data struct{ Options }

// New opens the data in a database that has been migrated.
func New(o Options) *Data { return &Data{o} }

// What the verbs of this package refuse.
var (
	ErrNone     = errors.New("nothing is stored there")
	ErrReserved = errors.New("this type is set by other means")
	ErrType     = errors.New("a type has 1 to 255 octets")
	ErrTooLarge = errors.New("it is too large to be stored")
	ErrFull     = errors.New("there is no room for more account data")
	ErrEnded    = errors.New("the account has ended")
)

// admit lets a transaction write for a user. The error is ErrEnded, and marked for the
// stream: nothing has been written.
func (d *Data) admit(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	if d.Active == nil {
		return nil
	}
	active, err := d.Active(ctx, tx, user)
	if err != nil {
		return fmt.Errorf("looking for an account: %w", err)
	}
	if !active {
		return stream.Refuse(ErrEnded)
	}
	return nil
}

// Leave deletes all that is a user's where the account's content is to be erased. It
// is account's Leaver.
func (*Data) Leave(ctx context.Context, tx *store.Tx, user matrix.UserID, erase bool) error {
	if !erase {
		return nil
	}
	if err := deleteOfUser(ctx, tx, user); err != nil {
		return fmt.Errorf("erasing a user's data: %w", err)
	}
	return nil
}
