package keydirectory

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/store"
)

// Asker asks an identity server, as idclient.Client does. What it answers is raw: nothing of it
// has been checked.
type Asker interface {
	// KeyConfig is the trust root that the server names now.
	KeyConfig(ctx context.Context, at idclient.Server) ([]byte, error)
	// LookupKeys is the answer about a label to who has seen the log of users at a size.
	LookupKeys(ctx context.Context, at idclient.Server, label string, lastSize int64) ([]byte, error)
	// QueryServerKeys are the key documents of a server, of which the server is a notary.
	QueryServerKeys(ctx context.Context, at idclient.Server, q idclient.KeyQuery) ([]jsontext.Value, error)
	// ServerRecords is what the log of servers has about a server before a position.
	ServerRecords(ctx context.Context, at idclient.Server, server matrix.ServerName, before int64) ([]byte, error)
	// KeyLogCheckpoint and KeyLogTile read a log, "users" or "servers".
	KeyLogCheckpoint(ctx context.Context, at idclient.Server, log string) ([]byte, error)
	KeyLogTile(ctx context.Context, at idclient.Server, log, path string) ([]byte, error)
}

// Options is what a Directory stands on.
type Options struct {
	DB    *store.DB
	Asker Asker
	At    idclient.Server
	// Root is the trust root to begin with (proof.Config in JSON), where none is kept yet; nil
	// takes it from the identity server, which is believed for that once.
	Root []byte
	// Own is this homeserver, whose keys are to stand in the directory.
	Own Own
	Now func() time.Time
	Log *slog.Logger
	// Raised is told of each new Alarm besides. May be nil.
	Raised func(Alarm)
}

// Directory is the key directory of one identity server. It is safe for concurrent use.
type Directory struct {
	Options
	without atomic.Bool // it was said that there is none
}

// New makes a Directory on a database that has been migrated.
func New(o Options) *Directory { return &Directory{Options: o} }

var (
	// ErrNoDirectory says that the identity server has no key directory.
	ErrNoDirectory = errors.New("the identity server has no key directory")
	// ErrLabel is the error of a label that is not that of a user.
	ErrLabel = errors.New("not the label of a user")
	// ErrNotInForce is the error of keys that are proven to be published, and that say themselves
	// that they do not hold now.
	ErrNotInForce = errors.New("the keys that are published do not hold now")
	// ErrErasing is the error of keys that the directory does not have any more, though its log
	// does not say so yet: from an erasure to the next checkpoint that is so of any directory.
	ErrErasing = errors.New("the keys were erased a moment ago, and the log of the key directory does not say so yet")
	// ErrBusy is the error of a log that moves faster than it can be followed.
	ErrBusy = errors.New("the log of the key directory has moved on each time that it was asked")
)
