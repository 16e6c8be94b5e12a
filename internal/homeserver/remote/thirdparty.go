package remote

import (
	"context"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
)

// ThirdPartyInvite is an invitation of a user who has shown that the address is theirs that
// somebody was invited by. Another server is to make the event of it.
type ThirdPartyInvite struct {
	Room   matrix.RoomID
	Sender matrix.UserID  // of the m.room.third_party_invite
	User   matrix.UserID  // who is invited
	Signed jsontext.Value // by the identity server
}

// ExchangeThirdPartyInvite has a server of the room invite the user in the name of the sender
// (server-server API, "Third-party invites"). The name that is displayed for the address is
// for that server to know; this one sends what is known of the user anyway.
func (c *Client) ExchangeThirdPartyInvite(ctx context.Context, server matrix.ServerName, i ThirdPartyInvite) error {
	invite := map[string]any{"display_name": i.User.String(), "signed": i.Signed}
	body := map[string]any{
		"type": "m.room.member", "room_id": i.Room.String(), "sender": i.Sender.String(), "state_key": i.User.String(),
		"content": map[string]any{"membership": "invite", "third_party_invite": invite},
	}
	path := at(v1, nil, "exchange_third_party_invite", i.Room.String())
	return c.ask(ctx, call{server: server, method: http.MethodPut, path: path, body: body, lookup: true}, nothing)
}
