package contact

import (
	"context"
	"errors"
	"fmt"

	"signet/internal/fedclient"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
)

// What only unbinding refuses.
var (
	// ErrNoSupport says that an address stays bound as far as is known: nobody knows at which
	// identity server it is, or that one does not let this server unbind it.
	ErrNoSupport = errors.New("the identity server does not let this server unbind the address, or is not known")
	// ErrLater says that an identity server could not be asked now. It is asked again.
	ErrLater = errors.New("the identity server is asked to unbind the address again later")
)

// unbinding is the wish of a user to be found by an address no more at an identity server.
type unbinding struct {
	user    matrix.UserID
	server  matrix.ServerName
	address threepid.Address
	tries   int // that have failed
}

// Unbind has a user found by an address no longer: at the identity server that is named, or for
// an empty name at all where it was bound here, or was to be. The wish is written down first, and stands until
// the server has heard it or a later Bind takes it back. Errors are idclient.ErrIDServer and
// ErrNotTrusted, ErrNoSupport, and ErrLater.
func (c *Contacts) Unbind(ctx context.Context, user matrix.UserID, idServer string, a threepid.Address) error {
	return c.wishUnbound(ctx, user, idServer, a, func(*store.Tx) error { return nil })
}

// Delete takes an address from a user, and unbinds it: what was wished is written down in one, and
// so is that the owner of the account is told, at the address that goes too: it may be a thief who
// takes it away. One that they do not have is no error; the errors are those of Unbind.
func (c *Contacts) Delete(ctx context.Context, n News, idServer string, a threepid.Address) error {
	n.Kind = idclient.OldAddress
	err := c.wishUnbound(ctx, n.User, idServer, a, func(tx *store.Tx) error {
		switch owner, err := c.owner(ctx, tx, a); {
		case err != nil:
			return err
		case owner == n.User:
			if err := c.Tell(ctx, tx, n); err != nil {
				return err
			}
		}
		if err := deleteAddress(ctx, tx, n.User, c.index(a)); err != nil {
			return err
		}
		return withdrawFindings(ctx, tx, n.User, c.index(a))
	})
	c.Send()
	return err
}

func (c *Contacts) wishUnbound(ctx context.Context, user matrix.UserID, idServer string, a threepid.Address, with func(*store.Tx) error) error {
	var named []matrix.ServerName
	if idServer != "" {
		at, err := c.Trusted.Named(idServer)
		if err != nil {
			return err
		}
		named = []matrix.ServerName{at.Name}
	}
	var wishes []unbinding
	err := c.DB.Tx(ctx, func(tx *store.Tx) (err error) {
		if err = with(tx); err == nil {
			wishes, err = c.putUnbindings(ctx, tx, user, named, a)
		}
		return err
	})
	switch {
	case err != nil:
		return fmt.Errorf("noting that nobody is to find a user by an address: %w", err)
	case len(wishes) == 0:
		return ErrNoSupport
	}
	errs := make([]error, len(wishes))
	for i, u := range wishes {
		errs[i] = c.carryOut(ctx, u)
	}
	return errors.Join(errs...)
}

// putUnbindings writes down what is wished of some servers, or of those where the address was
// bound or was to be. Who was to be found there is not to be any more.
func (c *Contacts) putUnbindings(ctx context.Context, tx *store.Tx, user matrix.UserID, servers []matrix.ServerName, a threepid.Address) (wishes []unbinding, err error) {
	if servers == nil {
		if servers, err = selectBoundAt(ctx, tx, user, c.index(a)); err != nil {
			return nil, err
		}
	}
	for _, server := range servers {
		u := unbinding{user: user, server: server, address: a}
		if err := errors.Join(withdrawFinding(ctx, tx, u, c.index(a)), c.putUnbinding(ctx, tx, u)); err != nil {
			return nil, err
		}
		wishes = append(wishes, u)
	}
	return wishes, nil
}

func (c *Contacts) putUnbinding(ctx context.Context, tx *store.Tx, u unbinding) error {
	index := c.index(u.address)
	return upsertUnbinding(ctx, tx, u, index, c.box.Seal([]byte(plain(u.address)), index), c.Now())
}

// carryOut asks one server, unless the wish was taken back or has been fulfilled since. Errors
// are ErrNoSupport, where the wish ends, and ErrLater.
func (c *Contacts) carryOut(ctx context.Context, u unbinding) error {
	release, err := c.order.take(ctx, c.index(u.address))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLater, err)
	}
	defer release()
	u.tries, err = selectTries(ctx, c.DB, u, c.index(u.address))
	switch {
	case errors.Is(err, errNoWish):
		return nil
	case err == nil:
		err = c.ask(ctx, u)
	}
	if err != nil && !errors.Is(err, ErrNoSupport) {
		return fmt.Errorf("%w: %w", ErrLater, err)
	}
	return err
}

// ask asks one server, and writes down what has become of that.
func (c *Contacts) ask(ctx context.Context, u unbinding) error {
	err := c.unbindAt(ctx, u)
	stored, index := context.WithoutCancel(ctx), c.index(u.address)
	switch {
	case err == nil:
		err = c.DB.Tx(stored, func(tx *store.Tx) error {
			if _, err := deleteUnbinding(stored, tx, u, index); err != nil {
				return err
			}
			return deleteBinding(stored, tx, u.user, u.server, index)
		})
	case errors.Is(err, ErrNoSupport), u.tries == fedclient.Hope:
		_, ending := deleteUnbinding(stored, c.DB, u, index)
		err = errors.Join(err, ending)
	default:
		u.tries++
		err = errors.Join(err, updateUnbinding(stored, c.DB, u, index, c.Now().Add(fedclient.Pause(u.tries))))
	}
	return err
}

// unbindAt unbinds. Where the address is not bound there is nothing to do. The error is
// ErrNoSupport where the server does not.
func (c *Contacts) unbindAt(ctx context.Context, u unbinding) error {
	at, err := c.known(u.server)
	if err != nil {
		return ErrNoSupport
	}
	err = c.Identity.Unbind(ctx, at, u.user, u.address)
	refused, is := errors.AsType[fedclient.Refusal](err)
	switch {
	case is && refused.Errcode == matrix.NotFound:
		return nil
	case fedclient.Final(err):
		return ErrNoSupport
	}
	return err
}

// known is an identity server that was asked before, also one that is used no more.
func (c *Contacts) known(name matrix.ServerName) (idclient.Server, error) {
	if at, err := c.Trusted.Named(name.String()); err == nil {
		return at, nil
	}
	return idclient.ParseServer(name.String())
}
