package captcha

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"signet/internal/store"
)

const (
	// life is how long a challenge can be answered, and how long a passed one can be
	// used from then.
	life = 10 * time.Minute
	// leastLife is what a challenge must have before it to be given out again: who
	// reads or types slowly needs it (WCAG 2.2, 2.2.1 "Timing Adjustable").
	leastLife = life / 2
	// maxTries is how many answers are looked at. Five guesses find six digits once in
	// 200,000.
	maxTries = 5
)

// Challenge is a CAPTCHA that can be answered, or that was passed and can be used,
// until Expires.
type Challenge struct {
	ID        string
	Expires   time.Time
	Passed    bool
	TriesLeft int
}

// state tells why a challenge is neither open nor passed any more: ErrExpired or
// ErrDead.
func (c Challenge) state(now time.Time) error {
	switch {
	case !now.Before(c.Expires):
		return ErrExpired
	case !c.Passed && c.TriesLeft <= 0:
		return ErrDead
	}
	return nil
}

// Open returns the subject's challenge that is open with a try left and half its life
// before it, or else a new one, so a request that is sent again makes no second row.
// The subject is a tag for what the challenge is for; whoever knows the subject can
// use it.
func (c *Captcha) Open(ctx context.Context, subject []byte) (Challenge, error) {
	found, open, err := c.Current(ctx, subject)
	if err != nil || open {
		return found, err
	}
	fresh, err := c.draw(subject)
	if err != nil {
		return Challenge{}, err
	}
	err = c.DB.Tx(ctx, func(tx *store.Tx) (err error) {
		found, err = selectOpen(ctx, tx, subject, c.Now().Add(leastLife))
		if !errors.Is(err, sql.ErrNoRows) {
			return err // nil if a rival was first
		}
		found = fresh.Challenge
		return insertChallenge(ctx, tx, fresh)
	})
	return found, opening(err)
}

// Current is the challenge that Open would return without making one, if there is one.
func (c *Captcha) Current(ctx context.Context, subject []byte) (found Challenge, open bool, err error) {
	found, err = selectOpen(ctx, c.DB, subject, c.Now().Add(leastLife))
	if errors.Is(err, sql.ErrNoRows) {
		return Challenge{}, false, nil
	}
	return found, err == nil, opening(err)
}

// Recent lists the living challenges that were opened last, twenty at most, the newest
// first. It is for the mailbox page of development mode.
func (c *Captcha) Recent(ctx context.Context) ([]Challenge, error) {
	found, err := selectRecent(ctx, c.DB, c.Now())
	if err != nil {
		return nil, fmt.Errorf("listing CAPTCHAs: %w", err)
	}
	return found, nil
}

// OpenNew opens another challenge than those that are open: for a subject with many people
// behind it, such as a homeserver, or for who cannot read the one they were given.
func (c *Captcha) OpenNew(ctx context.Context, subject []byte) (Challenge, error) {
	fresh, err := c.draw(subject)
	if err != nil {
		return Challenge{}, err
	}
	return fresh.Challenge, opening(insertChallenge(ctx, c.DB, fresh))
}

// Find reads a challenge that is open or passed. Errors: ErrUnknown, ErrExpired,
// ErrDead.
func (c *Captcha) Find(ctx context.Context, id string) (Challenge, error) {
	found, err := find(ctx, c.DB, id)
	if err == nil {
		err = found.state(c.Now())
	}
	if err != nil {
		return Challenge{}, err
	}
	return found, nil
}

// find reads a challenge in whatever state, or ErrUnknown.
func find(ctx context.Context, q store.Queryer, id string) (Challenge, error) {
	if !isID(id) {
		return Challenge{}, ErrUnknown
	}
	return known(selectChallenge(ctx, q, id))
}

// known says ErrUnknown where there is no such row.
func known(found Challenge, err error) (Challenge, error) {
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Challenge{}, ErrUnknown
	case err != nil:
		return Challenge{}, fmt.Errorf("reading a CAPTCHA: %w", err)
	}
	return found, nil
}

// drawn is a new challenge with its picture, sealed: who can read it has the answer.
type drawn struct {
	Challenge
	subject []byte
	created time.Time
	sealed  []byte
}

// draw makes a challenge, outside of any transaction since drawing takes longer than
// writing.
func (c *Captcha) draw(subject []byte) (drawn, error) {
	id, now := rand.Text(), c.Now().Truncate(time.Millisecond) // as the row keeps it
	image, err := drawImage(id, c.digits(id))
	if err != nil {
		return drawn{}, fmt.Errorf("drawing a CAPTCHA: %w", err)
	}
	fresh := Challenge{ID: id, Expires: now.Add(life), TriesLeft: maxTries}
	return drawn{Challenge: fresh, subject: subject, created: now, sealed: c.pictures.Seal(image, []byte(id))}, nil
}

// isID tells whether id has the form that rand.Text gives. Nothing else reaches the
// database, which would refuse some of it as text.
func isID(id string) bool {
	return len(id) == 26 && strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

func opening(err error) error {
	if err != nil {
		return fmt.Errorf("opening a CAPTCHA: %w", err)
	}
	return nil
}
