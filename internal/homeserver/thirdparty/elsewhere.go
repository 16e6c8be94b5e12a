package thirdparty

import (
	"context"
	"slices"

	"signet/internal/fedclient"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// maxServers is how many servers are asked for one invitation.
const maxServers = 5

// elsewhere has a server of the room invite the user of a claim. Errors: ErrNoServer, those
// of the servers, and ErrNotCome where one says that it did, and nothing has come.
func (i *Invites) elsewhere(ctx context.Context, c Claim, via []matrix.ServerName) error {
	before, settled := i.standing(ctx, c)
	if settled {
		return nil
	}
	err := error(ErrNoServer)
	for _, server := range i.servers(c, via) {
		asked := i.ask(ctx, server, c)
		if asked == nil {
			return i.came(ctx, c, before)
		}
		if err == ErrNoServer || !fedclient.Final(asked) {
			err = asked // what may be otherwise another time counts
		}
		if ctx.Err() != nil {
			break
		}
	}
	return err
}

func (i *Invites) ask(ctx context.Context, server matrix.ServerName, c Claim) error {
	return i.Remote.ExchangeThirdPartyInvite(ctx, server, remote.ThirdPartyInvite{
		Room: matrix.RoomID(c.Room), Sender: c.Sender, User: c.Signed.User, Signed: c.Signed.JSON(),
	})
}

// standing is the event of the user's membership, and whether they are invited or in the room.
func (i *Invites) standing(ctx context.Context, c Claim) (eventID string, settled bool) {
	own, err := i.Rooms.Membership(ctx, c.Signed.User, c.Room)
	if err != nil {
		return "", false
	}
	is := i.Rooms.Standing(c.Signed.User, c.Room).Membership
	return own.ID(), is == room.Invite || is == room.Join
}

// came tells whether an invitation has come, also one that was declined at once.
func (i *Invites) came(ctx context.Context, c Claim, before string) error {
	if now, settled := i.standing(ctx, c); settled || now != before {
		return nil
	}
	return ErrNotCome
}

// servers are whom to ask: that of who has invited the user and, where nobody of it may be in
// the room any more, that which the room is named after, and those that are said to be.
func (i *Invites) servers(c Claim, via []matrix.ServerName) (servers []matrix.ServerName) {
	for _, server := range append([]matrix.ServerName{c.Sender.Server(), event.ServerOf(c.Room)}, via...) {
		if server != "" && server != i.ServerName && !slices.Contains(servers, server) && len(servers) < maxServers {
			servers = append(servers, server)
		}
	}
	return servers
}
