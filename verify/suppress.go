package verify

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"time"

	"signet/internal/store"
	"signet/internal/threepid"
)

// reason is why an address is sent nothing for a while.
type reason string

const (
	// byOwner: whoever holds the address wants no messages. Nobody is told.
	byOwner reason = "owner"
	// noMailbox: its mail server knows no such mailbox. The requester is told, as the
	// first one was.
	noMailbox reason = "no mailbox"
)

const (
	ownersSilence = 30 * 24 * time.Hour
	// noMailboxLife is short: the mailbox may be made meanwhile.
	noMailboxLife = 24 * time.Hour
)

// Stopped is what the page of a "this was not me" link shows.
type Stopped struct {
	Address    threepid.Address
	Asker      string
	Purpose    Purpose
	Existing   bool      // its message told of an account, and had no code
	Stopped    bool      // the session has been ended so
	Suppressed time.Time // until when the address is sent nothing; zero: it is
}

// StopPage reads the session of a "this was not me" link and changes nothing: mail
// programs open every link. The error is ErrNoLink. The link lives as long as the session
// is remembered: a week beyond its end, and 30 days if it was stopped.
func (v *Verifier) StopPage(ctx context.Context, token string) (Stopped, error) {
	s, err := v.selectStop(ctx, v.DB, token)
	if err != nil {
		return Stopped{}, err
	}
	return v.stopped(ctx, v.DB, s)
}

// Stop ends the session of a "this was not me" link: its code and link are dead, and it
// proves nothing, unless it was used already. Whoever opened it learns nothing of that: to
// them it is a session whose code has not come. With silence, the address is sent nothing
// for 30 days, whoever asks but on the owner's page, and nobody is told so. The error is ErrNoLink.
func (v *Verifier) Stop(ctx context.Context, token string, silence bool) (Stopped, error) {
	return v.atStop(ctx, token, func(tx *store.Tx, s *session) error {
		if err := errors.Join(v.withdraw(ctx, tx, s), v.unshow(ctx, tx, s)); err != nil {
			return err
		}
		if err := markStopped(ctx, tx, s.sid, v.Now()); err != nil || !silence {
			return err
		}
		return putSuppression(ctx, tx, v.mailboxTag(s.address), byOwner, v.Now().Add(ownersSilence))
	})
}

// Unsilence lets messages come to the address of a "this was not me" link again. The
// error is ErrNoLink.
func (v *Verifier) Unsilence(ctx context.Context, token string) (Stopped, error) {
	return v.atStop(ctx, token, func(tx *store.Tx, s *session) error {
		return putSuppression(ctx, tx, v.mailboxTag(s.address), byOwner, time.Time{})
	})
}

// atStop changes something at the session of a "this was not me" link and tells how it
// stands then.
func (v *Verifier) atStop(ctx context.Context, token string, change func(*store.Tx, *session) error) (now Stopped, err error) {
	err = v.DB.Tx(ctx, func(tx *store.Tx) error {
		s, err := v.selectStop(ctx, tx, token)
		if err != nil {
			return err
		}
		if err := change(tx, s); err != nil {
			return err
		}
		if s, err = v.selectStop(ctx, tx, token); err != nil {
			return err
		}
		now, err = v.stopped(ctx, tx, s)
		return err
	})
	if err != nil && !errors.Is(err, ErrNoLink) {
		err = fmt.Errorf("stopping a session: %w", err)
	}
	return now, err
}

func (v *Verifier) stopped(ctx context.Context, q store.Queryer, s *session) (Stopped, error) {
	until, err := v.silentUntil(ctx, q, s.address)
	if err != nil {
		return Stopped{}, fmt.Errorf("reading a suppression: %w", err)
	}
	return Stopped{Address: s.address, Asker: s.caller.Asker(), Purpose: s.purpose, Existing: s.existing, Stopped: !s.stopped.IsZero(), Suppressed: until}, nil
}

// mailboxTag is by what an owner's wish finds an address: what is sent to alice+shop@
// reaches alice@, who wants it or not.
func (v *Verifier) mailboxTag(a threepid.Address) []byte {
	return v.index.Of("mailbox", string(a.Medium()), a.Inbox())
}

// suppressions tells why an address is sent nothing now.
func (v *Verifier) suppressions(ctx context.Context, a threepid.Address) (map[reason]bool, error) {
	found, err := selectSuppressions(ctx, v.DB, [2][]byte{v.mailboxTag(a), v.indexOf(a)}, v.Now())
	if err != nil {
		return nil, fmt.Errorf("reading suppressions: %w", err)
	}
	return found, nil
}

// Suppressed tells whether an address is sent nothing now: its owner wants no messages of
// any kind, or a mail server has said lately that it knows no such mailbox.
func (v *Verifier) Suppressed(ctx context.Context, a threepid.Address) (bool, error) {
	why, err := v.suppressions(ctx, a)
	return len(why) > 0, err
}

// Missing tells whether a mail server has said lately that it knows no such mailbox.
func (v *Verifier) Missing(ctx context.Context, a threepid.Address) (bool, error) {
	why, err := v.suppressions(ctx, a)
	return why[noMailbox], err
}

// NoMailbox remembers that a mail server knows no such mailbox.
func (v *Verifier) NoMailbox(ctx context.Context, a threepid.Address) error {
	return putSuppression(ctx, v.DB, v.indexOf(a), noMailbox, v.Now().Add(noMailboxLife))
}

// stopAlphabet and stopTokenLength make a token that is short and easy to type.
var stopAlphabet = base32.StdEncoding.WithPadding(base32.NoPadding)

const stopTokenLength = 12

// stopToken is the token of a session's "this was not me" link, the same in all its
// messages: 60 bits, short enough for a text message. It can do no more than end the
// session and keep messages away.
func (v *Verifier) stopToken(sid string) string {
	return stopAlphabet.EncodeToString(v.mac.Of("stop token", sid))[:stopTokenLength]
}
