package inbound

import "signet/internal/matrix"

// Queued is how many wait for the turn of a room, with who has it.
func (in *Inbound) Queued(roomID string) int {
	in.turns.mu.Lock()
	defer in.turns.mu.Unlock()
	return len(in.turns.waiting[roomID])
}

// Inviting is how many wait for the end of a user's invitation, with who makes it.
func (in *Inbound) Inviting(roomID string, user matrix.UserID) int {
	in.invites.mu.Lock()
	defer in.invites.mu.Unlock()
	return len(in.invites.waiting[invited(roomID, user)])
}
