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
)

// Binding is a user's wish to be found by an address. They have opened the session at the
// identity server themselves, or signed up with it in order to be found.
type Binding struct {
	User     matrix.UserID
	IDServer string // as the request names it
	Token    string // the user's, for that server; of a session that they signed up with, it is not needed
	Session  idclient.Session
}

// ErrToken is what only binding refuses.
var ErrToken = errors.New("id_access_token must be an access token of the identity server")

// token is one that may stand in a header. An empty one would have this server ask as itself.
var token = regexp.MustCompile(`^[!-~]{1,1000}$`)

// Bind has a user found by an address, and remembers where. It takes back a wish to be unbound
// there that was not fulfilled yet. Errors are idclient.ErrIDServer and ErrNotTrusted, ErrToken,
// ErrEnded, ErrSession for what somebody else signed up with or this one has taken back, and those
// of idclient.
//
// Where is remembered first: if the answer does not arrive, the address is unbound all the same
// when the account ends.
func (c *Contacts) Bind(ctx context.Context, b Binding) error {
	at, err := c.Trusted.Named(b.IDServer)
	if err != nil {
		return err
	}
	f, signedUp, err := c.signedUp(ctx, b, at.Name)
	switch {
	case err != nil:
		return err
	case signedUp:
		return c.fulfilFinding(ctx, at, f)
	case !token.MatchString(b.Token):
		return ErrToken
	}
	v, err := c.Identity.Validated(ctx, at, idclient.Account(b.Token), b.Session)
	if err != nil {
		return err
	}
	i := intention{unbinding: unbinding{user: b.User, server: at.Name, address: v.Address}}
	return c.bindAt(ctx, i, func() error { return c.Identity.Bind(ctx, at, b.Token, b.Session, b.User) })
}

// bindAt remembers an intention, and has it done.
func (c *Contacts) bindAt(ctx context.Context, i intention, bind func() error) error {
	release, err := c.order.take(ctx, c.index(i.address))
	if err != nil {
		return fmt.Errorf("waiting for others who bind or unbind an address: %w", err)
	}
	defer release()
	if i, err = c.intend(ctx, i); err != nil {
		return err
	}
	if err = bind(); fedclient.NotDone(err) {
		return errors.Join(err, c.restore(ctx, i))
	}
	return err
}

// intention is that a user is to be bound at a server, and how they stood to it before.
type intention struct {
	unbinding
	finding []byte // the tag of that which it fulfils; nil for none
	first   bool   // there was nothing
	wished  bool   // they wished to be unbound
}

// intend remembers where an address is about to be bound. The error is ErrSession for a finding
// that was taken back.
func (c *Contacts) intend(ctx context.Context, former intention) (intention, error) {
	user, server, index := former.user, former.server, c.index(former.address)
	sealed := c.box.Seal([]byte(plain(former.address)), index)
	err := c.DB.Tx(ctx, func(tx *store.Tx) error {
		active, err := c.Active(ctx, tx, user)
		if err == nil && !active {
			return ErrEnded
		}
		if err != nil {
			return err
		}
		if former.finding != nil {
			if err := stillSought(ctx, tx, former.finding); err != nil {
				return err
			}
		}
		if former.first, err = insertBinding(ctx, tx, user, server, index, sealed); err != nil {
			return err
		}
		former.wished, err = deleteUnbinding(ctx, tx, former.unbinding, index)
		return err
	})
	if err != nil {
		return former, fmt.Errorf("remembering where an address is bound: %w", err)
	}
	return former, nil
}

// restore has it be as it was before something that did not come about.
func (c *Contacts) restore(ctx context.Context, former intention) error {
	ctx = context.WithoutCancel(ctx)
	err := c.DB.Tx(ctx, func(tx *store.Tx) error {
		if former.first {
			if err := deleteBinding(ctx, tx, former.user, former.server, c.index(former.address)); err != nil {
				return err
			}
		}
		if !former.wished {
			return nil
		}
		return c.putUnbinding(ctx, tx, former.unbinding)
	})
	if err != nil {
		return fmt.Errorf("forgetting that an address was to be bound: %w", err)
	}
	return nil
}
