package inbound

import "signet/internal/matrix"

// Inviting is how many wait for the end of a user's invitation, with who makes it.
func (in *Inbound) Inviting(roomID string, user matrix.UserID) int {
	in.invites.mu.Lock()
	defer in.invites.mu.Unlock()
	return len(in.invites.waiting[invited(roomID, user)])
}
