package contact

import (
	"context"
	"fmt"
	"slices"
	"time"

	"signet/internal/store"
	"signet/internal/threepid"
)

// media are the kinds of addresses to which the identity server sends codes, as it has said
// last.
type media struct {
	said bool
	all  []threepid.Medium
}

// Sends tells whether the identity server sends codes to addresses of a medium, as it has said
// last. One that has said nothing is taken to, and none does not.
func (c *Contacts) Sends(m threepid.Medium) bool {
	if _, ok := c.Trusted.Default(); !ok {
		return false
	}
	heard := c.media.Load()
	return heard == nil || !heard.said || slices.Contains(heard.all, m)
}

const (
	// everyHour is how often the identity server is asked what it sends.
	everyHour = time.Hour
	// soonAgain is how often one is asked that is away.
	soonAgain = time.Minute
)

// WatchMedia keeps what Sends tells as new as the identity server's word until ctx ends. That it
// cannot be asked goes to report, once.
func (c *Contacts) WatchMedia(ctx context.Context, report func(error)) error {
	if _, ok := c.Trusted.Default(); !ok {
		return nil
	}
	for reached, pause := true, everyHour; ; {
		err := c.AskMedia(ctx)
		if err != nil && reached && ctx.Err() == nil {
			report(err)
		}
		if reached, pause = err == nil, everyHour; !reached {
			pause = soonAgain
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// AskMedia asks the identity server what it sends. Whatever the error, what it has said last
// stays.
func (c *Contacts) AskMedia(ctx context.Context) error {
	at, ok := c.Trusted.Default()
	if !ok {
		return ErrNoIdentityServer
	}
	all, said, err := c.Identity.Media(ctx, at)
	if err != nil {
		return err
	}
	heard := media{said, all}
	if err := c.DB.Tx(ctx, func(tx *store.Tx) error { return putMedia(ctx, tx, at.Name, heard) }); err != nil {
		return fmt.Errorf("keeping what an identity server sends: %w", err)
	}
	c.media.Store(&heard)
	return nil
}

// recallMedia takes what the identity server has said last out of the database.
func (c *Contacts) recallMedia(ctx context.Context) error {
	at, ok := c.Trusted.Default()
	if !ok {
		return nil
	}
	heard, err := selectMedia(ctx, c.DB, at.Name)
	if err == nil {
		c.media.Store(&heard)
	}
	return err
}
