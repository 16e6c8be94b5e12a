package inbound

import (
	"context"
	"slices"
	"time"

	"signet/internal/fedclient"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
)

// How long a new room waits for the servers of those whom it invites.
const (
	inviteLife  = 5 * time.Second  // for one
	invitesLife = 10 * time.Second // for all
)

// Create makes a room, with the invitations of users of other servers signed by those before
// they are sent (server-server API, "Inviting to a room"). Whom a server refuses is not
// invited; whose server does not answer is, and that server is told when it can be. Errors:
// those of room.Create.
func (in *Inbound) Create(ctx context.Context, c room.Creation) (roomID string, err error) {
	c.WithoutOthers = true
	if roomID, err = in.Rooms.Create(ctx, c); err != nil {
		return "", err
	}
	lasting := context.WithoutCancel(ctx) // the room is there
	ctx, cancel := context.WithTimeout(lasting, invitesLife)
	defer cancel()
	for i, user := range c.Invite {
		if event.ServerOf(string(user)) == in.ServerName || slices.Contains(c.Invite[:i], user) {
			continue
		}
		m := room.Membership{Room: roomID, Sender: c.Creator, Target: user, Content: c.InviteContent()}
		err := in.inviteSoon(ctx, m)
		if err != nil && !fedclient.Final(err) {
			err = in.Rooms.Invite(lasting, m)
		}
		if err != nil {
			in.Log.InfoContext(ctx, "a new room does not invite a user", "room", roomID, "user", user, "error", err)
		}
	}
	return roomID, nil
}

func (in *Inbound) inviteSoon(ctx context.Context, m room.Membership) error {
	ctx, cancel := context.WithTimeout(ctx, inviteLife)
	defer cancel()
	return in.Invite(ctx, m)
}
