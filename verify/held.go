package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
)

// Held is what is stored here about an address or a user, as a document for whom it is
// about: it has no secrets of a session. Times are milliseconds since 1970.
type Held struct {
	Sessions []HeldSession `json:"sessions"`
	// RefusedUntil is until when the owner wants no messages. It is kept under a keyed
	// hash of the address alone, and survives erasure.
	RefusedUntil int64 `json:"refused_until_ts,omitzero"`
	// ShownTo are the homeservers that may have the owner told of logins.
	ShownTo []HeldShown `json:"shown_to,omitempty"`
	// NoMailboxUntil is until when nothing is sent, since the mail server has said that it
	// knows no such mailbox.
	NoMailboxUntil int64 `json:"no_mailbox_until_ts,omitzero"`
}

// HeldShown is a homeserver to which control of an address was shown.
type HeldShown struct {
	Homeserver matrix.ServerName `json:"homeserver"`
	Until      int64             `json:"until_ts"`
}

// HeldSession is a session: what an address was, or was to be, proven for.
type HeldSession struct {
	Medium    threepid.Medium `json:"medium"`
	Address   string          `json:"address"`
	Purpose   Purpose         `json:"purpose"`
	Bind      bool            `json:"bind,omitzero"`     // and so that others find the account by it
	Existing  bool            `json:"existing,omitzero"` // told that there is an account already; to the owner alone
	AskedBy   string          `json:"asked_by,omitzero"` // an account or a homeserver; absent for our own page
	UserID    string          `json:"user_id,omitzero"`  // whom the address is for
	Messages  int             `json:"messages"`
	Created   int64           `json:"created_ts"`
	Sent      int64           `json:"sent_ts"` // the last message
	Validated int64           `json:"validated_ts,omitzero"`
	Spent     int64           `json:"spent_ts,omitzero"`
	Stopped   int64           `json:"stopped_ts,omitzero"`
}

// Held is a Held of an address.
func (v *Verifier) Held(ctx context.Context, a threepid.Address) (any, error) {
	sessions, err := v.selectSessions(ctx, v.DB, "address_index", v.indexOf(a))
	if err != nil {
		return nil, fmt.Errorf("reading the sessions of an address: %w", err)
	}
	h := heldOf(sessions)
	for i, s := range sessions {
		h.Sessions[i].Existing = s.existing
	}
	refused, errRefused := v.silentUntil(ctx, v.DB, a)
	missing, errMissing := v.suppressedUntil(ctx, v.DB, v.indexOf(a), noMailbox)
	h.RefusedUntil, h.NoMailboxUntil = store.Millis(refused), store.Millis(missing)
	shown, errShown := selectShown(ctx, v.DB, v.indexOf(a), v.Now())
	for _, server := range slices.Sorted(maps.Keys(shown)) {
		h.ShownTo = append(h.ShownTo, HeldShown{Homeserver: server, Until: shown[server].UnixMilli()})
	}
	return h, errors.Join(errRefused, errMissing, errShown)
}

// HeldBy is a Held of the sessions that a user asked for, or a homeserver for the user.
func (v *Verifier) HeldBy(ctx context.Context, user matrix.UserID) (any, error) {
	sessions, err := v.selectSessions(ctx, v.DB, "asker", v.userTag(user))
	if err != nil {
		return nil, fmt.Errorf("reading the sessions of a user: %w", err)
	}
	return heldOf(sessions), nil
}

func heldOf(sessions []*session) Held {
	h := Held{Sessions: []HeldSession{}}
	for _, s := range sessions {
		purpose, bind := s.purpose.Named()
		h.Sessions = append(h.Sessions, HeldSession{
			Medium: s.address.Medium(), Address: s.address.String(), Purpose: purpose, Bind: bind, AskedBy: s.caller.Asker(), UserID: s.user.Readable(),
			Messages: s.messages, Created: s.created.UnixMilli(), Sent: s.sent.UnixMilli(),
			Validated: store.Millis(s.validated), Spent: store.Millis(s.spent), Stopped: store.Millis(s.stopped),
		})
	}
	return h
}

// Erase forgets in tx all sessions of an address, withdraws their messages that have not
// left, and forgets to whom it was shown and that there is no such mailbox. That its owner wants no messages stays,
// or the next stranger could write to them.
func (v *Verifier) Erase(ctx context.Context, tx *store.Tx, a threepid.Address) error {
	if err := v.forget(ctx, tx, "address_index", v.indexOf(a)); err != nil {
		return err
	}
	return errors.Join(deleteShown(ctx, tx, v.indexOf(a)), deleteSuppression(ctx, tx, v.indexOf(a), noMailbox))
}

// EraseUser forgets in tx all sessions that a user asked for, or a homeserver for the user.
func (v *Verifier) EraseUser(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	return v.forget(ctx, tx, "asker", v.userTag(user))
}

func (v *Verifier) forget(ctx context.Context, tx *store.Tx, column string, value []byte) error {
	sessions, err := v.selectSessions(ctx, tx, column, value)
	if err != nil {
		return fmt.Errorf("reading sessions: %w", err)
	}
	for _, s := range sessions {
		if err := errors.Join(v.withdraw(ctx, tx, s), forgetSession(ctx, tx, s.sid)); err != nil {
			return fmt.Errorf("forgetting a session: %w", err)
		}
	}
	return nil
}

// silentUntil is until when the owner of an address wants no messages; the zero time if
// they come.
func (v *Verifier) silentUntil(ctx context.Context, q store.Queryer, a threepid.Address) (time.Time, error) {
	return v.suppressedUntil(ctx, q, v.mailboxTag(a), byOwner)
}

// suppressedUntil is until when a reason holds; the zero time if it does not.
func (v *Verifier) suppressedUntil(ctx context.Context, q store.Queryer, tag []byte, r reason) (time.Time, error) {
	until, err := selectSuppressedUntil(ctx, q, tag, r)
	if err != nil || !until.After(v.Now()) {
		return time.Time{}, err
	}
	return until, nil
}
