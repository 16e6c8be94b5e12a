package thirdparty

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/room"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/store"
)

// Inviter invites users of any server, as inbound.Inbound does.
type Inviter interface {
	Invite(ctx context.Context, m room.Membership) error
}

// Remote asks other servers, as remote.Client does.
type Remote interface {
	ExchangeThirdPartyInvite(ctx context.Context, server matrix.ServerName, i remote.ThirdPartyInvite) error
}

// Options is what an Invites stands on.
type Options struct {
	DB         *store.DB
	Rooms      *room.Rooms
	Inviter    Inviter
	Remote     Remote
	Identity   *idclient.Client
	ServerName matrix.ServerName
	// Exists tells whether there is a user of this server.
	Exists func(ctx context.Context, user matrix.UserID) (bool, error)
	Now    func() time.Time
	Log    *slog.Logger // nil: nothing is logged
}

// Invites is the third-party invites of a server. It is safe for concurrent use.
type Invites struct {
	Options
	wake chan struct{} // there are claims more
}

// New makes an Invites on a database that has been migrated. Run fulfils what it takes.
func New(o Options) *Invites {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Invites{Options: o, wake: make(chan struct{}, 1)}
}

// What is wrong with a claim, beside what authz and room say.
var (
	ErrSigned   = errors.New("signed is not what an identity server signs of an invitation")
	ErrNotOurs  = errors.New("the user is not one of this server")
	ErrNobody   = errors.New("there is no such user here")
	ErrTooMany  = errors.New("too many invitations at once")
	ErrRevoked  = errors.New("the key by which the invitation is signed is not valid")
	ErrValidity = errors.New("nobody tells whether the key by which the invitation is signed is valid")
	ErrDeclined = errors.New("the server of the invited user does not take the invitation")
	ErrAway     = errors.New("the server of the invited user could not be asked to sign the invitation")
	ErrNoServer = errors.New("no server of the room is known that could be asked")
	ErrNotCome  = errors.New("the invitation has not come")
)

// What is wrong with an identity server, or with how it is asked.
var (
	ErrToken    = errors.New("the identity server does not take the id_access_token")
	ErrTerms    = errors.New("the terms of the identity server are to be accepted first")
	ErrRefused  = errors.New("the identity server does not take the invitation")
	ErrIdentity = errors.New("the identity server cannot be asked, or does not answer as it should")
)
