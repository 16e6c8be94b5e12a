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

// finding is that a user is to be found by the address that they have signed up with, as they
// agreed to by the code of that. The identity server believes this homeserver of a session that
// it has asked for itself: no token of the user is needed.
type finding struct {
	tag     []byte
	user    matrix.UserID
	server  matrix.ServerName
	state   state
	tries   int // that have failed
	session idclient.Session
	address threepid.Address
}

// state is how far a finding is.
type state string

const (
	waiting   state = "waiting"   // for the identity server
	done      state = "done"      // which has answered; a client may ask again
	withdrawn state = "withdrawn" // by the user
)

// seek keeps that the user is to be found, in the transaction that makes the account.
func (c *Contacts) seek(ctx context.Context, tx *store.Tx, user matrix.UserID, p Proof) error {
	f := finding{tag: p.tag, user: user, server: p.server, state: waiting, session: p.session, address: p.address}
	row := newFinding{finding: f, index: p.index, sealed: c.sealFinding(f), due: c.Now(), expires: c.Now().Add(life)}
	if err := insertFinding(ctx, tx, row); err != nil {
		return fmt.Errorf("keeping that somebody is to be found: %w", err)
	}
	return nil
}

// Wake has Run look at once whether somebody is to be found.
func (c *Contacts) Wake() {
	select {
	case c.woken <- struct{}{}:
	default: // it is about to
	}
}

// hasten has a process that starts wait out no pause: who has just signed up looks for themselves.
func (c *Contacts) hasten(ctx context.Context) error {
	if err := hastenFindings(ctx, c.DB, c.Now()); err != nil {
		return fmt.Errorf("hastening who is to be found: %w", err)
	}
	return nil
}

// signedUp is what is kept of the session, if somebody has signed up with it here in order to be
// found at that server. The error is ErrSession for another user, and for one who has taken it back.
func (c *Contacts) signedUp(ctx context.Context, b Binding, server matrix.ServerName) (f finding, found bool, err error) {
	f, found, err = c.selectFinding(ctx, c.tag(b.Session), server)
	switch {
	case err != nil:
		return finding{}, false, fmt.Errorf("reading whether somebody is to be found: %w", err)
	case found && (f.user != b.User || f.state == withdrawn):
		return finding{}, false, ErrSession
	}
	return f, found, nil
}

// fulfilFinding has the identity server do it, and writes that down. Done again it changes nothing.
func (c *Contacts) fulfilFinding(ctx context.Context, at idclient.Server, f finding) error {
	i := intention{unbinding: unbinding{user: f.user, server: at.Name, address: f.address}, finding: f.tag}
	err := c.bindAt(ctx, i, func() error { return c.Identity.BindUser(ctx, at, f.session, f.user) })
	if err != nil {
		return err
	}
	if err := settleFinding(context.WithoutCancel(ctx), c.DB, f.tag); err != nil {
		return fmt.Errorf("writing down that somebody is found: %w", err)
	}
	return nil
}

// attemptFinding asks once. What the server refuses for good is over; what it may do later, such as
// when the user has accepted its terms, is tried again as long as the session lives.
func (c *Contacts) attemptFinding(ctx context.Context, f finding) error {
	stored := context.WithoutCancel(ctx)
	at, err := c.Trusted.Named(f.server.String())
	if err == nil {
		err = c.fulfilFinding(ctx, at, f)
	}
	switch {
	case err == nil, errors.Is(err, ErrSession): // taken back just now
		return nil
	case termsNotSigned(err):
		return c.postpone(stored, f)
	case fedclient.Final(err), errors.Is(err, idclient.ErrNotTrusted), errors.Is(err, ErrEnded):
		return errors.Join(fmt.Errorf("having %s found: %w", f.user, err), settleFinding(stored, c.DB, f.tag))
	}
	return errors.Join(fmt.Errorf("having %s found: %w", f.user, err), c.postpone(stored, f))
}

func (c *Contacts) postpone(ctx context.Context, f finding) error {
	return postponeFinding(ctx, c.DB, f.tag, c.Now().Add(fedclient.Pause(f.tries+1)))
}

func termsNotSigned(err error) bool {
	refused, is := errors.AsType[fedclient.Refusal](err)
	return is && refused.Errcode == matrix.TermsNotSigned
}
