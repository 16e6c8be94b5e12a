package contact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"signet/internal/fedclient"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
)

// Wish is what somebody has a code sent for.
type Wish struct {
	Purpose      idclient.Purpose
	Address      threepid.Address
	ClientSecret string
	SendAttempt  int64
	NextLink     string        // empty: none
	User         matrix.UserID // who asks, empty where they have shown no token
	Client       netip.Addr    // where they are; zero where that is not known
	Language     string        // BCP 47; empty where that is not known
	Challenge    string        // the id of a CAPTCHA that was met; empty for none
	Answer       string        // to it; empty where it was passed already
	Bind         bool          // who signs up wants to be found by the address, too
}

// life is how long after it was asked for a session counts.
const life = 24 * time.Hour

// session is one at an identity server that was asked for here.
type session struct {
	server  matrix.ServerName
	medium  threepid.Medium
	index   []byte // of the address
	purpose idclient.Purpose
	user    matrix.UserID // whose account it is for; empty: not known, or nobody's
	spent   bool
	bind    bool // it was asked for so that whoever signs up is found
}

// RequestToken has the identity server send a code, and gives the sid of the session. The
// same wish gives the same sid. Errors are ErrNoIdentityServer, ErrClientSecret,
// ErrSendAttempt, ErrNextLink, ErrDenied, ErrInUse or ErrUnknown where it is told who has an
// address, ErrSession where the secret has served somebody else, and those of idclient.
func (c *Contacts) RequestToken(ctx context.Context, w Wish) (sid string, err error) {
	at, ok := c.Trusted.Default()
	if !ok {
		return "", ErrNoIdentityServer
	}
	if err := c.check(w); err != nil {
		return "", err
	}
	owner, err := c.owner(ctx, c.DB, w.Address)
	if err != nil {
		return "", err
	}
	if err := c.mayTell(w, owner); err != nil {
		return "", err
	}
	if sid, err = c.send(ctx, at, w, owner); err != nil {
		return "", err
	}
	if err := c.remember(ctx, idclient.Session{SID: sid, ClientSecret: w.ClientSecret}, c.asked(w, at.Name, owner)); err != nil {
		return "", err
	}
	return sid, nil
}

func (c *Contacts) check(w Wish) error {
	switch {
	case !matrix.ValidOpaque(w.ClientSecret):
		return ErrClientSecret
	case w.SendAttempt < 0:
		return ErrSendAttempt
	case !validNextLink(w.NextLink):
		return ErrNextLink
	case c.Allowed == nil || w.forOwner():
		return nil
	}
	return c.Allowed(w.Address)
}

// validNextLink lets through what a browser goes to, and nothing that it runs.
func validNextLink(link string) bool {
	if link == "" {
		return true
	}
	u, err := url.Parse(link)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}

// forOwner tells whether a wish is about the account that has the address, and not about one
// that is to have it.
func (w Wish) forOwner() bool { return forOwner(w.Purpose) }

func forOwner(p idclient.Purpose) bool { return p == idclient.Reset || p == idclient.Login }

// bind is a wish of those alone who sign up: others bind by a session of their own.
func (w Wish) bind() bool { return w.Bind && w.Purpose == idclient.Register }

// mayTell is the error of a wish that comes to nothing, where that may be told: people may
// know it of their own addresses.
func (c *Contacts) mayTell(w Wish, owner matrix.UserID) error {
	switch {
	case w.forOwner() && owner == "" && c.TellInUse:
		return ErrUnknown
	case w.forOwner() || owner == "":
		return nil
	case c.TellInUse || owner == w.User:
		return ErrInUse
	}
	return nil
}

// validation is what the identity server is asked. It is not told who has an address: its
// limits would be those of an account, and so give away that there is one.
func (w Wish) validation(owner matrix.UserID) idclient.Validation {
	v := idclient.Validation{
		Address: w.Address, ClientSecret: w.ClientSecret, SendAttempt: w.SendAttempt, NextLink: w.NextLink,
		Purpose: w.Purpose, User: w.User, Client: w.Client, Language: w.Language, Challenge: w.Challenge, Answer: w.Answer,
		Bind: w.bind(),
	}
	// An owner is told so in place of a code where somebody signs up; who proves the address for
	// another account all the same is refused by Add.
	v.Existing = owner != "" && w.Purpose == idclient.Register
	return v
}

// asked is the session that a wish opens.
func (c *Contacts) asked(w Wish, server matrix.ServerName, owner matrix.UserID) session {
	s := session{server: server, medium: w.Address.Medium(), index: c.index(w.Address), purpose: w.Purpose, user: w.User, bind: w.bind()}
	if w.forOwner() {
		s.user = owner
	}
	return s
}

// remember keeps a session. The identity server has given the same sid before where the same
// was asked for: by a crash before this, or by a client that has not read the answer.
func (c *Contacts) remember(ctx context.Context, named idclient.Session, s session) error {
	tag := c.tag(named)
	err := c.DB.Tx(ctx, func(tx *store.Tx) error {
		if err := insertSession(ctx, tx, tag, s, c.Now().Add(life)); err != nil {
			return err
		}
		kept, err := selectSession(ctx, tx, tag, time.Time{})
		if err != nil {
			return err
		}
		return s.same(kept)
	})
	if err != nil {
		return fmt.Errorf("remembering a session: %w", err)
	}
	return nil
}

// same refuses another session than the one that is kept. It may be another account that has
// the address by now; anything else the identity server knows to make two of.
func (s session) same(kept session) error {
	switch {
	case kept.server != s.server, kept.medium != s.medium, !bytes.Equal(kept.index, s.index), kept.purpose != s.purpose:
		return fmt.Errorf("%w: a sid that was given for something else", fedclient.ErrBadAnswer)
	case kept.user != s.user:
		return ErrSession
	}
	return nil
}

// tag is what a session is found by, by whoever has both halves of its name.
func (c *Contacts) tag(named idclient.Session) []byte {
	return c.sessions.Of(named.SID, named.ClientSecret)
}

// SubmitToken passes a code on to the identity server that sent it. Errors are ErrSession,
// idclient.ErrCode, and those of idclient.
func (c *Contacts) SubmitToken(ctx context.Context, medium threepid.Medium, named idclient.Session, code string) error {
	s, at, err := c.find(ctx, named)
	if err != nil {
		return err
	}
	if s.medium != medium {
		return ErrSession
	}
	return c.Identity.SubmitToken(ctx, at, idclient.Homeserver, medium, named, code)
}

// find is the session of that name, and the identity server that has it. The error is
// ErrSession for one that has ended, or is at a server that is used no more.
func (c *Contacts) find(ctx context.Context, named idclient.Session) (session, idclient.Server, error) {
	s, err := selectSession(ctx, c.DB, c.tag(named), c.Now())
	if err != nil {
		if !errors.Is(err, ErrSession) {
			err = fmt.Errorf("reading a session: %w", err)
		}
		return session{}, idclient.Server{}, err
	}
	at, err := c.Trusted.Named(s.server.String())
	if err != nil {
		return session{}, idclient.Server{}, ErrSession
	}
	return s, at, nil
}
