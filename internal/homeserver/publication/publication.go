package publication

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/e2ee/signedkey"
	"signet/internal/homeserver/keydirectory"
	"signet/internal/homeserver/stream"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/store"
)

// Identity asks identity servers, as idclient.Client does.
type Identity interface {
	PublishKeys(ctx context.Context, at idclient.Server, user matrix.UserID, value jsontext.Value) (idclient.KeysTicket, error)
	EraseKeys(ctx context.Context, at idclient.Server, user matrix.UserID) error
}

// Directory is the key directory where the keys are to stand, as keydirectory.Directory is.
type Directory interface {
	// Lookup is what stands there now for a label, proven. The error is a keydirectory.Alarm of
	// a proof that fails, and one of fedclient where the directory does not answer.
	Lookup(ctx context.Context, label string) (keydirectory.Found, error)
}

// Keys are what users of this server have published here.
type Keys interface {
	// CrossSigning is the user's cross-signing keys, with the signatures of their own.
	CrossSigning(ctx context.Context, user matrix.UserID) ([]signedkey.CrossSigning, error)
}

// Options is what publications stand on.
type Options struct {
	DB     *store.DB
	Stream *stream.Committer // which must not run yet
	// At is the identity server whose directory is meant; the zero one is none, and then wishes
	// wait for one.
	At      idclient.Server
	Trusted idclient.Trusted
	Now     func() time.Time
	Log     *slog.Logger
}

// Publications are the wishes of people to be found by their keys. They are safe for concurrent
// use.
type Publications struct {
	Options
	// Identity, Directory and Keys are set before Run.
	Identity  Identity
	Directory Directory
	Keys      Keys

	told *stream.Lane[struct{}]
	ring chan struct{} // has a token when Run has to look again
}

// New opens the wishes in a database that has been migrated, and their lane in the stream.
func New(o Options) *Publications {
	p := &Publications{Options: o, ring: make(chan struct{}, 1)}
	p.told = stream.NewPassingLane(o.Stream, bell{p})
	return p
}

// everyMinute is how often wishes are looked for that nobody has rung for.
const everyMinute = time.Minute

// Run fulfils wishes until ctx ends. What fails goes to report, and is tried again ever more
// rarely.
func (p *Publications) Run(ctx context.Context, report func(error)) error {
	next := time.NewTicker(everyMinute)
	defer next.Stop()
	return p.run(ctx, next.C, report)
}

func (p *Publications) run(ctx context.Context, next <-chan time.Time, report func(error)) error {
	if p.At.Name == "" {
		return nil
	}
	for {
		if err := p.Fulfil(ctx); err != nil && ctx.Err() == nil {
			report(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-p.ring:
		case <-next:
		}
	}
}

// atOnce bounds how many wishes of a server are looked at in a round.
const atOnce = 500

// Fulfil does what is due of all wishes. The error is of all that failed. A server that does not
// answer, or cannot prove what it says, is asked once, and keeps nobody from another. It is for
// one caller at a time.
func (p *Publications) Fulfil(ctx context.Context) error {
	if err := p.move(ctx); err != nil {
		return err
	}
	servers, err := selectDueServers(ctx, p.DB, p.Now())
	if err != nil {
		return fmt.Errorf("reading at which key directories somebody wishes something: %w", err)
	}
	var errs []error
	for _, at := range servers {
		errs = append(errs, p.fulfilAt(ctx, at))
	}
	return errors.Join(errs...)
}

func (p *Publications) fulfilAt(ctx context.Context, at matrix.ServerName) error {
	wishes, err := selectDueWishes(ctx, p.DB, at, p.Now(), atOnce)
	if err != nil {
		return fmt.Errorf("reading who wishes what of the key directory: %w", err)
	}
	var errs []error
	for _, w := range wishes {
		if ctx.Err() != nil {
			break
		}
		if err := p.fulfil(ctx, w); err != nil {
			errs = append(errs, fmt.Errorf("the keys of %s: %w", w.user, err))
			if !refused(err) {
				break
			}
		}
	}
	return errors.Join(errs...)
}

// move has everybody who agrees, and was published elsewhere, wish for this server's directory
// of today, and for nothing there.
func (p *Publications) move(ctx context.Context) error {
	users, err := selectElsewhere(ctx, p.DB, p.At.Name)
	if err != nil {
		return fmt.Errorf("reading who is published elsewhere: %w", err)
	}
	for _, user := range users {
		err := p.DB.Tx(ctx, func(tx *store.Tx) error {
			if err := withdrawWishes(ctx, tx, user, p.Now()); err != nil {
				return err
			}
			return putWish(ctx, tx, user, p.At.Name, p.Now())
		})
		if err != nil {
			return fmt.Errorf("wishing for another directory: %w", err)
		}
	}
	return nil
}

// Status is how publications fare.
type Status struct {
	Waiting int // wishes that are not fulfilled yet
	Alarms  int // users for whom the directory has what is not theirs, or not what it promised
}

// Status tells how publications fare.
func (p *Publications) Status(ctx context.Context) (Status, error) {
	s, err := selectStatus(ctx, p.DB)
	if err != nil {
		return Status{}, fmt.Errorf("counting publications: %w", err)
	}
	return s, nil
}
