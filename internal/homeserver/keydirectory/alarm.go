package keydirectory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/keys/proof"
)

// Kind is what an Alarm is about.
type Kind string

// The kinds of alarms.
const (
	Users   Kind = "users"   // the log of users: something about a label did not hold
	Servers Kind = "servers" // the log of servers: something about a server did not hold
	Root    Kind = "root"    // the trust root: the keys of a log have changed, and nobody has vouched for the new ones
	// Impostor is of the log of servers, which holds: it shows a key in this homeserver's name
	// that is not its own.
	Impostor Kind = "impostor"
)

// Kinds are all kinds of alarms.
var Kinds = []Kind{Users, Servers, Root, Impostor}

// Alarm is the error of what was shown and did not hold. It stands until the operator has ended
// it; one of a log that is only late ends when the log is shown to go on.
type Alarm struct {
	ID      int64
	Server  matrix.ServerName // the identity server
	Kind    Kind
	Subject string // of the question: the label of a user, or the name of a server, with an impostor's key
	Step    string // at which it failed, as proof.Failed names it; empty where there are no steps
	Reason  string
	Raised  time.Time
	Ended   time.Time // zero while it stands
	Word    string    // of whoever has ended it
}

func (a *Alarm) Error() string {
	return fmt.Sprintf("alarm %d about the key directory of %s (%s): %s", a.ID, a.Server, a.Kind, a.Reason)
}

func (a *Alarm) text() string {
	switch {
	case a.Kind == Impostor:
		return "somebody shows keys in this server's name"
	case a.late():
		return "the key directory shows an old log, and is not believed while it does"
	}
	return "what the key directory shows does not hold, and nothing of it is believed any more"
}

// late tells whether the log was shown too old, which the next that it shows may put right.
func (a *Alarm) late() bool { return a.Step == string(proof.StepTimes) }

// maxEvidence is how much of an answer that did not hold is kept, in octets.
const maxEvidence = 512 << 10

// raise keeps an alarm, once while it stands, and returns it as the error: that a log is late, once
// whatever is asked. The evidence is what was answered.
func (d *Directory) raise(ctx context.Context, kind Kind, subject string, why error, evidence []byte) error {
	a := Alarm{Server: d.At.Name, Kind: kind, Subject: subject, Reason: why.Error(), Raised: d.Now()}
	if failed, is := errors.AsType[*proof.Failed](why); is {
		a.Step = string(failed.Step)
	}
	var before bool
	// Whoever asked may be gone: what was found counts all the same.
	ctx = context.WithoutCancel(ctx)
	err := d.DB.Tx(ctx, func(tx *store.Tx) (err error) {
		if a.ID, before, err = selectSame(ctx, tx, a); err != nil || before {
			return err
		}
		a.ID, err = insertAlarm(ctx, tx, a, evidence[:min(len(evidence), maxEvidence)])
		return err
	})
	if err != nil {
		return fmt.Errorf("keeping an alarm: %w", errors.Join(&a, err))
	}
	if before {
		return &a
	}
	d.Log.ErrorContext(ctx, "ALARM: "+a.text()+"; see homeserver key-directory", "alarm", a.ID,
		"server", a.Server, "kind", a.Kind, "subject", a.Subject, "step", a.Step, "reason", a.Reason)
	if d.Raised != nil {
		d.Raised(a)
	}
	return &a
}

// stopped is the alarm that stands against what is of a kind, as the error; nil if none does but
// that the log is late.
func (d *Directory) stopped(ctx context.Context, kind Kind) error {
	_, err := d.standing(ctx, kind)
	return err
}

// standing tells besides whether the log is late.
func (d *Directory) standing(ctx context.Context, kind Kind) (late bool, err error) {
	alarms, err := selectStopping(ctx, d.DB, d.At.Name, kind)
	if err != nil {
		return false, fmt.Errorf("reading the alarms of the key directory: %w", err)
	}
	for _, a := range alarms {
		if !a.late() {
			return false, &a
		}
		late = true
	}
	return late, nil
}

// Alarms lists the alarms of the directory, the newest first, at most 1,000; those that stand
// alone if that is wanted.
func (d *Directory) Alarms(ctx context.Context, standing bool) ([]Alarm, error) {
	alarms, err := selectAlarms(ctx, d.DB, d.At.Name, standing)
	if err != nil {
		return nil, fmt.Errorf("reading the alarms of the key directory: %w", err)
	}
	return alarms, nil
}

// Evidence is what was answered when an alarm was raised. The error is ErrNoAlarm.
func (d *Directory) Evidence(ctx context.Context, id int64) ([]byte, error) {
	return selectEvidence(ctx, d.DB, d.At.Name, id)
}

// ErrNoAlarm is the error of an alarm that is not there, or has ended.
var ErrNoAlarm = errors.New("no such alarm stands")

// End ends an alarm by the operator's word. What it was raised for is believed no more than
// before: the next that is shown is verified as everything is. The error is ErrNoAlarm.
func (d *Directory) End(ctx context.Context, id int64, word string) error {
	ended, err := endAlarm(ctx, d.DB, d.At.Name, id, d.Now(), word)
	if err == nil && !ended {
		err = ErrNoAlarm
	}
	return err
}

// onTime ends the alarms of a log that was late, once it is shown to go on.
func (d *Directory) onTime(ctx context.Context, q store.Queryer, kind Kind) error {
	return endLate(ctx, q, d.At.Name, kind, d.Now())
}
