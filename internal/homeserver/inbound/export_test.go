package inbound

import "signet/internal/matrix"

// Queued is how many wait for the turn of a room, with who has it.
func (in *Inbound) Queued(roomID string) int { return in.turns.Len(roomID) }

// Inviting is how many wait for the end of a user's invitation, with who makes it.
func (in *Inbound) Inviting(roomID string, user matrix.UserID) int {
	return in.invites.Len(invited(roomID, user))
}
