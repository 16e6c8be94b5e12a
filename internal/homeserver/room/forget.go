package room

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"signet/internal/matrix"
)

// ErrStillThere says that a user cannot forget a room that they have not left.
var ErrStillThere = errors.New("you have not left the room")

// Forget makes a room that a user has left one that they know nothing of any more, until
// they come back. Errors: ErrUnknownRoom, ErrStillThere.
func (rs *Rooms) Forget(ctx context.Context, user matrix.UserID, roomID string) error {
	r := rs.Standing(user, roomID).Room
	if r == nil {
		return ErrUnknownRoom
	}
	switch rs.stay(user, r).Membership {
	case "":
		return ErrUnknownRoom
	case Leave, Ban:
	default:
		return ErrStillThere
	}
	forgotten, err := updateForgotten(ctx, rs.DB, user, r.nid)
	if err != nil {
		return fmt.Errorf("forgetting a room: %w", err)
	}
	if !forgotten {
		return ErrStillThere // came back meanwhile
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if s := rs.stays[user][r]; s.Membership == Leave || s.Membership == Ban {
		s.Forgotten = true
		rs.setStay(user, s)
	}
	return nil
}

// Report is what a user tells the operators of this server about a room, or about an event
// in one that they have joined.
type Report struct {
	Reporter matrix.UserID
	Room     string
	Event    string // empty for the room as a whole
	Reason   string
}

// maxReason is how long a reason may be that is kept, in octets.
const maxReason = 4096

// Report keeps a report. Errors: ErrUnknownRoom, ErrUnknownEvent.
func (rs *Rooms) Report(ctx context.Context, p Report) error {
	r, err := rs.Room(p.Room)
	if err != nil {
		return err
	}
	if p.Event != "" {
		if rs.stay(p.Reporter, r).Membership != Join {
			return ErrUnknownEvent
		}
		if _, err := rs.Event(ctx, p.Reporter, p.Room, p.Event); err != nil {
			return err
		}
	}
	p.Reason = strings.ToValidUTF8(p.Reason[:min(len(p.Reason), maxReason)], "") // no half of a character
	if err := insertReport(ctx, rs.DB, rand.Text(), p, rs.Now()); err != nil {
		return fmt.Errorf("storing a report: %w", err)
	}
	return nil
}
