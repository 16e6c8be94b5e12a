package publication

import (
	"context"
	"fmt"
	"time"

	"signet/internal/matrix"
)

// Phase is how far a user's wish has come.
type Phase string

// The phases of whoever does not agree, and of whoever does: what was done, and from Published on
// what was found in the directory when it was looked at last.
const (
	None      Phase = "none"
	Erasing   Phase = "erasing"
	Waiting   Phase = "waiting" // for the directory, or for the next attempt
	NoKeys    Phase = "no_keys" // to be published: there are no cross-signing keys
	Promised  Phase = "promised"
	Held      Phase = "held" // so that whoever has the keys before them can object
	Published Phase = "published"
	Outdated  Phase = "outdated" // former keys stand there, as the new ones were objected to, or such as have ended
	Foreign   Phase = "foreign"  // keys stand there that this server does not know
	Revoked   Phase = "revoked"
	Erased    Phase = "erased" // by somebody else than this server
)

// State is what a user is shown of their wish.
type State struct {
	Agreed    bool
	Phase     Phase
	Version   int64     // that stands in the directory; -1: none that was seen
	HeldUntil time.Time // with Held
	Checked   time.Time // when the directory was looked at; zero: not yet
	// Alarm is since when the directory has what is not the user's, or not what it has promised;
	// zero: it has not.
	Alarm   time.Time
	Problem string    // why the last attempt failed; empty: it has not
	Retry   time.Time // when it is tried again; zero without a Problem
}

// State tells a user how their wish fares.
func (p *Publications) State(ctx context.Context, user matrix.UserID) (State, error) {
	w, there, err := selectWish(ctx, p.DB, user, p.At.Name)
	if err != nil {
		return State{}, fmt.Errorf("reading a wish: %w", err)
	}
	if !there {
		return State{Phase: None, Version: -1}, nil
	}
	s := State{Agreed: w.agreed, Phase: w.phase(p.Now()), Version: w.foundVersion, Checked: w.checked, Alarm: w.alarm, Problem: string(w.problem)}
	if s.Phase == Held {
		s.HeldUntil = w.heldUntil
	}
	if s.Problem != "" {
		s.Retry = w.due
	}
	if !w.agreed {
		s.Version, s.Alarm = -1, time.Time{}
	}
	return s, nil
}

func (w *wish) phase(now time.Time) Phase {
	switch {
	case !w.agreed && w.fulfilled < w.number:
		return Erasing
	case !w.agreed:
		return None
	case w.fulfilled < w.number:
		return Waiting
	case w.pending() && w.heldUntil.After(now):
		return Held
	case w.found == foreign:
		return Foreign
	case w.pending() && w.heldUntil.IsZero():
		return Promised
	}
	return map[finding]Phase{unseen: NoKeys, nothing: NoKeys, same: Published, older: Outdated, revoked: Revoked, erased: Erased}[w.found]
}
