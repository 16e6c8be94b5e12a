package thirdparty

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"signet/internal/fedclient"
	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
	"signet/internal/store"
)

const (
	// MaxClaims is how many invitations one call may tell of.
	MaxClaims = 1000
	// maxWaiting is how many claims may wait for one user. One more ends that which has failed
	// most often, so that nobody keeps those out that are true by many that are not.
	maxWaiting = 1000
	// claimLife is how long a claim waits, which is as long as identity servers try.
	claimLife = 7 * 24 * time.Hour
	// refusals is how often a refusal is asked for again: what was invited a moment ago may
	// not have come into the room yet.
	refusals = 2
	// keepEnded is how long one that has ended is known.
	keepEnded = 30 * 24 * time.Hour

	firstDelay, lastDelay = 5 * time.Second, time.Hour
)

// Bound takes what an identity server says of users of this server (server-server API,
// 3pid/onbind): all of it, or nothing. It is durable on return, and fulfilled by Run; what is
// known already is taken again without effect. Errors: ErrTooMany, ErrNotOurs, ErrNobody,
// ErrNoServer; in rooms of this server those of a proof.
func (i *Invites) Bound(ctx context.Context, claims []Claim) error {
	if len(claims) > MaxClaims {
		return ErrTooMany
	}
	for _, c := range claims {
		if err := i.check(ctx, c); err != nil {
			return err
		}
	}
	now := i.Now()
	err := i.DB.Tx(ctx, func(tx *store.Tx) error {
		var users []matrix.UserID
		for _, c := range claims {
			if err := insertClaim(ctx, tx, c, now); err != nil {
				return err
			}
			users = append(users, c.Signed.User)
		}
		slices.Sort(users)
		for _, user := range slices.Compact(users) {
			if err := endMostFailed(ctx, tx, user, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("storing invitations of addresses: %w", err)
	}
	select {
	case i.wake <- struct{}{}:
	default: // it is awake
	}
	return nil
}

// check refuses a claim that nothing can come of, as far as nobody else has to be asked.
func (i *Invites) check(ctx context.Context, c Claim) error {
	if c.Signed.User.Server() != i.ServerName {
		return ErrNotOurs
	}
	switch there, err := i.Exists(ctx, c.Signed.User); {
	case err != nil:
		return err
	case !there:
		return ErrNobody
	case i.Rooms.Resident(c.Room):
		_, err := i.prove(ctx, c)
		return err
	case len(i.servers(c, nil)) == 0:
		return ErrNoServer
	}
	return nil
}

// claimRow is a claim that waits.
type claimRow struct {
	Claim
	id          string
	destination matrix.ServerName
	attempts    int
	created     time.Time
}

// Present invites a user who makes a claim themselves, to join by it (client-server API,
// third_party_signed). Via are servers that may be in the room. Errors: authz.Refusal,
// ErrRevoked, ErrValidity, ErrNoServer, ErrNotCome, and those of other servers.
func (i *Invites) Present(ctx context.Context, user matrix.UserID, c Claim, via []matrix.ServerName) error {
	if c.Signed.User != user {
		return authz.ErrInviteUser
	}
	return i.invite(ctx, c, via)
}

// attempt fulfils a claim, or puts it off. The error is one of the database.
func (i *Invites) attempt(ctx context.Context, row claimRow) error {
	err := i.fulfil(ctx, row.Claim)
	now := i.Now()
	switch {
	case ctx.Err() != nil:
		return nil // the next process goes on
	case err == nil:
		return updateEnded(ctx, i.DB, row.id, now)
	case isFinal(err) && row.attempts >= refusals, now.Sub(row.created) >= claimLife:
		i.Log.WarnContext(ctx, "an invitation by an address comes to nothing", "room", row.Room, "user", row.Signed.User, "attempts", row.attempts+1, "error", err)
		return updateEnded(ctx, i.DB, row.id, now)
	}
	i.Log.InfoContext(ctx, "an invitation by an address is tried again", "room", row.Room, "user", row.Signed.User, "attempts", row.attempts+1, "error", err)
	return updateDue(ctx, i.DB, row.id, row.attempts+1, now.Add(delay(row.attempts)))
}

func (i *Invites) fulfil(ctx context.Context, c Claim) error {
	switch there, err := i.Exists(ctx, c.Signed.User); {
	case err != nil:
		return err
	case !there:
		return ErrNobody
	}
	return i.invite(ctx, c, nil)
}

// invite invites the user of a claim, here or elsewhere.
func (i *Invites) invite(ctx context.Context, c Claim, via []matrix.ServerName) error {
	if i.Rooms.Resident(c.Room) {
		return i.here(ctx, c)
	}
	return i.elsewhere(ctx, c, via)
}

// isFinal tells whether something is so because somebody has decided it.
func isFinal(err error) bool {
	if _, is := errors.AsType[authz.Refusal](err); is || fedclient.Final(err) {
		return true
	}
	for _, final := range []error{ErrRevoked, ErrNobody, ErrNoServer, room.ErrUnknownRoom} {
		if errors.Is(err, final) {
			return true
		}
	}
	return false
}

// delay is how long a claim waits that has failed so often before.
func delay(attempts int) time.Duration {
	return min(firstDelay<<min(attempts, 20), lastDelay)
}

// Sweep forgets claims that have ended long ago.
func (i *Invites) Sweep(ctx context.Context) error {
	if err := deleteEnded(ctx, i.DB, i.Now().Add(-keepEnded)); err != nil {
		return fmt.Errorf("sweeping invitations of addresses: %w", err)
	}
	return nil
}
