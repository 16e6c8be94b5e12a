package keydirectory

import (
	"context"
	"errors"
	"time"

	"signet/internal/matrix"
)

const (
	// everyMinute is how often it is looked whether something is due; what is due a little later
	// than a look is done then.
	everyMinute = time.Minute
	little      = everyMinute / 2
	// maxPause is how long what fails is left alone at most.
	maxPause = time.Hour
)

// duty is something that is done now and then.
type duty struct {
	what  string
	every time.Duration
	do    func(context.Context) error

	next     time.Time // zero: now
	failures int       // one after the other
}

// Run does what is due until ctx ends. What fails is said once, and tried again until it works.
func (d *Directory) Run(ctx context.Context) error {
	next := time.NewTicker(everyMinute)
	defer next.Stop()
	return d.run(ctx, next.C)
}

func (d *Directory) run(ctx context.Context, next <-chan time.Time) error {
	duties := d.duties()
	for {
		for i := range duties {
			if !d.Now().Before(duties[i].next.Add(-little)) && ctx.Err() == nil {
				d.fulfil(ctx, &duties[i])
			}
			if duties[0].failures > 0 { // without the trust root all else fails too
				break
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-next:
		}
	}
}

func (d *Directory) duties() []duty {
	duties := []duty{
		{what: "taking up new keys of the key directory", every: time.Hour, do: d.Refresh},
		{what: "following the logs of the key directory", every: time.Hour, do: d.Watch},
	}
	if d.Own.Keys == nil {
		return duties
	}
	return append(duties,
		duty{what: "having this server's keys in the key directory", every: everyMinute, do: d.publisher()},
		duty{what: "looking for keys in this server's name in the key directory", every: time.Hour, do: d.WatchOwn})
}

// publisher publishes when there is a new key, and now and then.
func (d *Directory) publisher() func(context.Context) error {
	var published matrix.KeyID
	var next time.Time
	return func(ctx context.Context) error {
		key, err := d.Own.Keys.Current(ctx)
		if err != nil || key.ID == published && d.Now().Before(next) {
			return err
		}
		state, err := d.Publish(ctx)
		if err != nil {
			return err
		}
		published, next = key.ID, d.Now().Add(publishing)
		if held := state.HeldUntil; !held.IsZero() && held.Before(next) {
			next = held
		}
		return nil
	}
}

// fulfil does what is due. What is not done is due again after a minute, and then after twice as
// long each time.
func (d *Directory) fulfil(ctx context.Context, u *duty) {
	err := u.do(ctx)
	if err == nil {
		u.next, u.failures = d.Now().Add(u.every), 0
		return
	}
	if ctx.Err() != nil {
		return
	}
	if u.failures == 0 {
		d.say(ctx, u.what, err)
	}
	u.next = d.Now().Add(min(everyMinute<<min(u.failures, 10), maxPause))
	u.failures++
}

// say says why something is not done. An Alarm was said when it was raised.
func (d *Directory) say(ctx context.Context, what string, err error) {
	_, alarm := errors.AsType[*Alarm](err)
	switch {
	case errors.Is(err, ErrNoDirectory):
		if d.without.Swap(true) {
			return
		}
		d.Log.InfoContext(ctx, "it is gone on without a key directory", "server", d.At.Name, "reason", err)
	case alarm:
		d.Log.WarnContext(ctx, what+" waits until the operator has ended the alarm", "server", d.At.Name, "error", err)
	default:
		d.Log.WarnContext(ctx, what+" did not work, and is tried again", "server", d.At.Name, "error", err)
	}
}
