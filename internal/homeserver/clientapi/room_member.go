package clientapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// membershipRequest is what people say of their own membership. Members that the
// specification does not name become content of the event, as they do where the event is
// sent as state; those of the event that it does name are the server's to set.
type membershipRequest struct {
	Reason     string         `json:"reason"`
	Membership jsontext.Value `json:"membership"`
	Authoriser jsontext.Value `json:"join_authorised_via_users_server"`
	Signed     jsontext.Value `json:"third_party_signed"`
	Invite     jsontext.Value `json:"third_party_invite"`
	Else       jsontext.Value `json:",embed"`
}

// own is the wish of a request about its sender's membership in a room.
func (r membershipRequest) own(device account.Device, roomID string) room.Membership {
	return room.Membership{Room: roomID, Sender: device.User, Reason: r.Reason, Content: r.Else}
}

// named is the id of the room that a path segment names by its id or an alias, and the
// servers by which it may be reached.
func (a *API) named(c echo.Context) (id string, servers []matrix.ServerName, err error) {
	name, err := mxhttp.Segment(c, "roomIdOrAlias")
	if err != nil || !strings.HasPrefix(name, "#") {
		return name, via(c), err
	}
	id, servers, err = a.alias(c, name)
	return id, append(via(c), servers...), err
}

// POST /_matrix/client/v3/join/{roomIdOrAlias}
func (a *API) joinByName(c echo.Context, device account.Device) error {
	id, servers, err := a.named(c)
	if err != nil {
		return err
	}
	return a.joinRoom(c, device, id, servers)
}

// POST /_matrix/client/v3/rooms/{roomId}/join
func (a *API) join(c echo.Context, device account.Device) error {
	id, err := mxhttp.Segment(c, "roomId")
	if err != nil {
		return err
	}
	return a.joinRoom(c, device, id, via(c))
}

// joinRoom has a user join, after an invitation by a third-party identifier that they present
// has become one of the user.
func (a *API) joinRoom(c echo.Context, device account.Device, id string, servers []matrix.ServerName) error {
	var r membershipRequest
	if err := decodeIfAny(c, &r); err != nil {
		return err
	}
	ctx := c.Request().Context()
	if err := a.presentSigned(ctx, device.User, id, r.Signed, servers); err != nil {
		return err
	}
	join := a.joiningHeir(a.joining(servers))
	if err := join(ctx, r.own(device, id)); err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, roomIDAnswer{id})
}

// POST /_matrix/client/v3/knock/{roomIdOrAlias}
func (a *API) knock(c echo.Context, device account.Device) error {
	id, servers, err := a.named(c)
	if err != nil {
		return err
	}
	return a.changeOwn(c, device, id, a.knocking(servers), roomIDAnswer{id})
}

// POST /_matrix/client/v3/rooms/{roomId}/leave
func (a *API) leave(c echo.Context, device account.Device) error {
	id, err := mxhttp.Segment(c, "roomId")
	if err != nil {
		return err
	}
	return a.changeOwn(c, device, id, a.leaving(), empty{})
}

func (a *API) changeOwn(c echo.Context, device account.Device, id string, change func(context.Context, room.Membership) error, answer any) error {
	var r membershipRequest
	if err := decodeIfAny(c, &r); err != nil {
		return err
	}
	if err := change(c.Request().Context(), r.own(device, id)); err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, answer)
}

type aboutRequest struct {
	UserID matrix.UserID `json:"user_id" required:"true"`
	Reason string        `json:"reason"`
}

// about calls a handler with the wish of a request about another user's membership.
func (a *API) about(change func(context.Context, room.Membership) error) func(echo.Context, account.Device) error {
	return func(c echo.Context, device account.Device) error {
		id, err := mxhttp.Segment(c, "roomId")
		if err != nil {
			return err
		}
		var r aboutRequest
		if err := mxhttp.Decode(c, &r); err != nil {
			return err
		}
		m := room.Membership{Room: id, Sender: device.User, Target: r.UserID, Reason: r.Reason}
		if err := change(c.Request().Context(), m); err != nil {
			return err
		}
		return mxhttp.Reply(c, http.StatusOK, empty{})
	}
}

// invite is the part of POST /_matrix/client/v3/rooms/{roomId}/invite that is about a user.
func (a *API) invite(ctx context.Context, m room.Membership) error {
	if a.Inbound == nil {
		return a.Rooms.Invite(ctx, m)
	}
	return a.Inbound.Invite(ctx, m)
}

// POST /_matrix/client/v3/rooms/{roomId}/kick
func (a *API) kick(ctx context.Context, m room.Membership) error { return a.Rooms.Kick(ctx, m) }

// POST /_matrix/client/v3/rooms/{roomId}/ban
func (a *API) ban(ctx context.Context, m room.Membership) error { return a.Rooms.Ban(ctx, m) }

// POST /_matrix/client/v3/rooms/{roomId}/unban
func (a *API) unban(ctx context.Context, m room.Membership) error { return a.Rooms.Unban(ctx, m) }

type joinedRoomsAnswer struct {
	JoinedRooms []string `json:"joined_rooms"`
}

// GET /_matrix/client/v3/joined_rooms
func (a *API) joinedRooms(c echo.Context, device account.Device) error {
	return mxhttp.Reply(c, http.StatusOK, joinedRoomsAnswer{a.Rooms.JoinedRooms(device.User)})
}
