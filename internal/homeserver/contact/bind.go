package contact

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"signet/internal/fedclient"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
)

// Binding is a user's wish to be found by an address. They have opened the session at the
// identity server themselves.
type Binding struct {
	User     matrix.UserID
	IDServer string // as the request names it
	Token    string // the user's, for that server
	Session  idclient.Session
}

// What only binding refuses.
var (
	ErrToken = errors.New("id_access_token must be an access token of the identity server")
	// ErrNoSupport says that an address stays bound as far as is known: nobody knows at which
	// identity server it is, or that one does not let this server unbind it.
	ErrNoSupport = errors.New("the identity server does not let this server unbind the address, or is not known")
)

// token is one that may stand in a header. An empty one would have this server ask as itself.
var token = regexp.MustCompile(`^[!-~]{1,1000}$`)

// Bind has a user found by an address, and remembers where. Errors are idclient.ErrIDServer
// and ErrNotTrusted, ErrToken, ErrEnded, and those of idclient.
//
// Where is remembered first: if the answer does not arrive, the address is unbound all the same
// when the account ends.
func (c *Contacts) Bind(ctx context.Context, b Binding) error {
	at, err := c.Trusted.Named(b.IDServer)
	if err != nil {
		return err
	}
	if !token.MatchString(b.Token) {
		return ErrToken
	}
	v, err := c.Identity.Validated(ctx, at, idclient.Account(b.Token), b.Session)
	if err != nil {
		return err
	}
	first, err := c.intend(ctx, b.User, at.Name, v.Address)
	if err != nil {
		return err
	}
	err = c.Identity.Bind(ctx, at, b.Token, b.Session, b.User)
	if _, refused := errors.AsType[fedclient.Refusal](err); refused && first {
		return errors.Join(err, c.forget(ctx, b.User, at.Name, v.Address))
	}
	return err
}

// intend remembers where an address is about to be bound, and tells whether that is new.
func (c *Contacts) intend(ctx context.Context, user matrix.UserID, server matrix.ServerName, a threepid.Address) (first bool, err error) {
	index := c.index(a)
	sealed := c.box.Seal([]byte(plain(a)), index)
	err = c.DB.Tx(ctx, func(tx *store.Tx) error {
		active, err := c.Active(ctx, tx, user)
		if err == nil && !active {
			return ErrEnded
		}
		if err != nil {
			return err
		}
		first, err = insertBinding(ctx, tx, user, server, index, sealed)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("remembering where an address is bound: %w", err)
	}
	return first, nil
}

func (c *Contacts) forget(ctx context.Context, user matrix.UserID, server matrix.ServerName, a threepid.Address) error {
	if err := deleteBinding(context.WithoutCancel(ctx), c.DB, user, server, c.index(a)); err != nil {
		return fmt.Errorf("forgetting where an address was bound: %w", err)
	}
	return nil
}

// Unbind has a user found by an address no longer: at the identity server that is named, or for
// an empty name at all where it was bound by Bind. Errors are idclient.ErrIDServer and
// ErrNotTrusted, ErrNoSupport, and those of idclient.
func (c *Contacts) Unbind(ctx context.Context, user matrix.UserID, idServer string, a threepid.Address) error {
	servers, err := c.boundAt(ctx, user, idServer, a)
	if err != nil {
		return err
	}
	if len(servers) == 0 {
		return ErrNoSupport
	}
	var errs []error
	for _, at := range servers {
		errs = append(errs, c.unbind(ctx, at, user, a))
	}
	return errors.Join(errs...)
}

func (c *Contacts) boundAt(ctx context.Context, user matrix.UserID, idServer string, a threepid.Address) (servers []idclient.Server, err error) {
	if idServer != "" {
		at, err := c.Trusted.Named(idServer)
		return []idclient.Server{at}, err
	}
	names, err := selectBoundAt(ctx, c.DB, user, c.index(a))
	if err != nil {
		return nil, fmt.Errorf("reading where an address is bound: %w", err)
	}
	for _, name := range names {
		at, err := c.known(name)
		if err != nil {
			return nil, err
		}
		servers = append(servers, at)
	}
	return servers, nil
}

// known is an identity server that was asked before, also one that is used no more.
func (c *Contacts) known(name matrix.ServerName) (idclient.Server, error) {
	if at, err := c.Trusted.Named(name.String()); err == nil {
		return at, nil
	}
	return idclient.ParseServer(name.String())
}

// unbind unbinds at one server. Where the address is not bound there is nothing to do.
func (c *Contacts) unbind(ctx context.Context, at idclient.Server, user matrix.UserID, a threepid.Address) error {
	err := c.Identity.Unbind(ctx, at, user, a)
	refused, is := errors.AsType[fedclient.Refusal](err)
	switch {
	case err == nil, is && refused.Errcode == matrix.NotFound:
		return c.forget(ctx, user, at.Name, a)
	case is && refused.Status >= 400 && refused.Status < 500 && refused.Errcode != matrix.LimitExceededCode:
		return ErrNoSupport
	}
	return err
}
