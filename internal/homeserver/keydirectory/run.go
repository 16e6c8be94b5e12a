package keydirectory

import (
	"context"
	"errors"
	"time"
)

const (
	// everyMinute is how often it is looked whether something is due.
	everyMinute = time.Minute
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
			if !d.Now().Before(duties[i].next) && ctx.Err() == nil {
				d.fulfil(ctx, &duties[i])
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
	return []duty{{what: "taking up new keys of the key directory", every: time.Hour, do: d.Refresh}}
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
		d.Log.InfoContext(ctx, "the identity server has no key directory; nothing is looked up there", "server", d.At.Name)
	case alarm:
		d.Log.WarnContext(ctx, what+" waits until the operator has ended the alarm", "server", d.At.Name, "error", err)
	default:
		d.Log.WarnContext(ctx, what+" did not work, and is tried again", "server", d.At.Name, "error", err)
	}
}
