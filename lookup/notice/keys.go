package notice

import (
	"context"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
	"signet/lookup/notice/words"
)

// KeysChange is what happened to the keys that are published under a label of the key
// directory. The label is a text: notices know nothing of keys.
type KeysChange struct {
	Kind    words.Kind // one of those of keys
	Label   string     // medium, colon and address
	Version uint32
	Address threepid.Address // of the label; zero if it is a user id
	User    matrix.UserID    // whose keys they are, or were; empty if they name nobody
	Until   time.Time        // of keys that wait, when they have done so long enough
	ByKey   bool             // of words.Revoked: the key itself has signed that
}

// elsewhere tells whether the user is told at other addresses, too: where whoever did it may have no
// more than the mailbox, or a session.
func (c KeysChange) elsewhere() bool {
	return c.Kind.Waits() || c.Kind == words.Erased || c.Kind == words.Revoked && !c.ByKey
}

// userLabel is how the label of a user id begins.
const userLabel = "mxid:"

// Keys knows what has become of keys while a notice of them waited.
type Keys interface {
	// Forgotten tells whether what was published under a label was erased, from a version on.
	Forgotten(ctx context.Context, label string, from uint32) (bool, error)
	// WaitsUntil tells until when that version waits for somebody to object; zero if it does not.
	WaitsUntil(ctx context.Context, label string, version uint32) (time.Time, error)
}

// ToldOfKeys puts the notices of what happened to keys into its transaction: to the address,
// or, of a user id, to e-mail addresses that the user is found by. Of what the old key has not
// signed and that takes keys away those are told too, as who holds the address may be a thief.
func (n *Notices) ToldOfKeys(ctx context.Context, tx *store.Tx, c KeysChange) error {
	l := letter{Kind: c.Kind, User: c.User.String(), Label: c.Label, Version: c.Version, Until: store.Millis(c.Until)}
	if !c.Address.IsZero() {
		l.About = c.Address.String()
		if err := n.put(ctx, tx, "keys "+store.NewID(n.Now()), c.Address, l); err != nil {
			return err
		}
		if !c.elsewhere() {
			return nil
		}
		l.About = c.Address.Redacted()
	} else {
		l.About = c.User.String()
	}
	return n.tellOthers(ctx, tx, c, l)
}

// tellOthers tells the user of the keys, at the other addresses that the user is found by. Of
// keys that name nobody that is who is behind the address.
func (n *Notices) tellOthers(ctx context.Context, tx *store.Tx, c KeysChange, l letter) (err error) {
	if c.User == "" {
		if c.User, err = n.Directory.BoundIn(ctx, tx, c.Address); err != nil || c.User == "" {
			return err
		}
	}
	l.Other, l.User = true, c.User.String()
	others, err := n.Directory.EmailsOf(ctx, tx, c.User, maxOthers+1)
	if err != nil {
		return err
	}
	told := 0
	for _, other := range others {
		if other == c.Address || told == maxOthers {
			continue
		}
		if err := n.put(ctx, tx, "keys "+store.NewID(n.Now()), other, l); err != nil {
			return err
		}
		told++
	}
	return nil
}

// keysOvertaken tells whether the keys that a notice is about were erased while it waited, or
// wait no more, or others do in their place, of which another notice tells, or the user is not found
// by the receiver any more.
func (n *Notices) keysOvertaken(ctx context.Context, to threepid.Address, l letter) (bool, error) {
	if l.Other {
		until, err := n.Directory.BoundUntil(ctx, to, matrix.UserID(l.User))
		if err != nil || until.IsZero() {
			return true, err
		}
	}
	if n.Keys == nil {
		return true, nil
	}
	if l.Kind.Waits() {
		until, err := n.Keys.WaitsUntil(ctx, l.Label, l.Version)
		return store.Millis(until) != l.Until, err
	}
	if l.Kind == words.Erased {
		return false, nil // which is what it tells
	}
	return n.Keys.Forgotten(ctx, l.Label, l.Version)
}
