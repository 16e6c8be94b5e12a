package contact

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/outbox"
	"signet/internal/seal"
	"signet/internal/store"
	"signet/internal/threepid"
)

// Options is what the contacts of a server stand on.
type Options struct {
	DB         *store.DB
	Vault      *seal.Vault
	ServerName matrix.ServerName
	Identity   *idclient.Client
	Trusted    idclient.Trusted // the first sends the codes
	Outbox     *outbox.Outbox   // has owners told of what happens to their accounts
	Now        func() time.Time
	// Active tells whether a user has an account that has not ended.
	Active func(context.Context, store.Queryer, matrix.UserID) (bool, error)
	// Allowed is ErrDenied for an address that no account may have; nil allows all.
	Allowed func(threepid.Address) error
	// TellInUse has everybody be told who asks for a code whether the address is an account's.
	TellInUse bool
}

// Contacts are those of the accounts of one server. It is safe for concurrent use.
type Contacts struct {
	Options
	addresses seal.Index
	box       seal.Box
	sessions  seal.MAC
	networks  seal.Index
	order     order
	media     atomic.Pointer[media] // nil until something is known
	woken     chan struct{}         // tells run that somebody is to be found
}

// New opens the contacts in a database that has been migrated.
func New(ctx context.Context, o Options) (*Contacts, error) {
	c := &Contacts{Options: o, woken: make(chan struct{}, 1)}
	if err := c.unlock(ctx); err != nil {
		return nil, fmt.Errorf("opening the contacts: %w", err)
	}
	if err := c.recallMedia(ctx); err != nil {
		return nil, fmt.Errorf("reading what the identity server sends: %w", err)
	}
	o.Outbox.Handle(outbox.Kind{Name: noticeKind, Slots: noticeSlots, Attempt: c.notify})
	return c, nil
}

func (c *Contacts) unlock(ctx context.Context) (err error) {
	if c.addresses, err = c.Vault.Index(ctx, "contact addresses"); err != nil {
		return err
	}
	if c.box, err = c.Vault.Box(ctx, "contact addresses"); err != nil {
		return err
	}
	if c.networks, err = c.Vault.Index(ctx, "contact networks"); err != nil {
		return err
	}
	c.sessions, err = c.Vault.MAC(ctx, "contact sessions")
	return err
}

// index is what an address is found by.
func (c *Contacts) index(a threepid.Address) []byte {
	return c.addresses.Of(string(a.Medium()), a.String())
}

// What the verbs of this package refuse.
var (
	ErrNoIdentityServer = errors.New("this server has no identity server that sends codes")
	ErrClientSecret     = errors.New("client_secret must be 1 to 255 characters of 0-9 A-Z a-z . = _ -")
	ErrSendAttempt      = errors.New("send_attempt must not be negative")
	ErrNextLink         = errors.New("next_link must be an absolute http or https URL")
	ErrDenied           = errors.New("this server does not take that address")
	ErrInUse            = errors.New("an account has that address already")
	ErrUnknown          = errors.New("no account has that address")
	ErrEnded            = errors.New("the account has ended")
	// ErrSession says that a session is none that was asked for here, for this purpose and
	// this user, or that it has ended or was used.
	ErrSession      = errors.New("the session is unknown, is for something else, has ended or was used already")
	ErrNotValidated = errors.New("nobody has shown yet that the address is theirs")
)
