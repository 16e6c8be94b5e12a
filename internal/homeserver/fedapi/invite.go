package fedapi

import (
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/inbound"
	"signet/internal/homeserver/resident"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// maxInvite is the size of a body that is an invitation, with the state that shows what
// room it is for.
const maxInvite = 1 << 20

type inviteRequest struct {
	Version string           `json:"room_version"`
	Event   jsontext.Value   `json:"event"`
	State   []jsontext.Value `json:"invite_room_state"`
}

type inviteAnswer struct {
	Event jsontext.Value `json:"event"`
}

// PUT /_matrix/federation/v2/invite/{roomId}/{eventId}
func (a *API) invite(c echo.Context, origin matrix.ServerName) error {
	var r inviteRequest
	if err := decoded(c, &r); err != nil {
		return err
	}
	signed, err := a.invited(c, origin, r)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, inviteAnswer{signed})
}

// PUT /_matrix/federation/v1/invite/{roomId}/{eventId}
//
// It does not say the version of the room, which is 1 or 2: events of both are alike.
func (a *API) inviteV1(c echo.Context, origin matrix.ServerName) error {
	var e struct {
		Unsigned struct {
			State []jsontext.Value `json:"invite_room_state"`
		} `json:"unsigned"`
	}
	if err := decoded(c, &e); err != nil {
		return err
	}
	body, err := content(c)
	if err != nil {
		return err
	}
	signed, err := a.invited(c, origin, inviteRequest{Version: event.V1.String(), Event: body, State: e.Unsigned.State})
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, []any{http.StatusOK, inviteAnswer{signed}})
}

// invited takes an invitation for somebody here, and gives it back with our signature.
func (a *API) invited(c echo.Context, origin matrix.ServerName, r inviteRequest) (jsontext.Value, error) {
	ctx := c.Request().Context()
	roomID, eventID, err := segments(c, "roomId", "eventId")
	if err != nil {
		return nil, err
	}
	v, err := event.ParseVersion(r.Version)
	if err != nil {
		return nil, errUnknownVersion(r.Version)
	}
	if err := a.checkInvited(c, origin, r.Event); err != nil {
		return nil, err
	}
	if err := a.Rooms.CheckShown(ctx, resident.Shown{Room: roomID, Version: v, State: r.State}); err != nil {
		return nil, err
	}
	return a.Inbound.ReceiveInvite(ctx, origin, inbound.Invited{RoomID: roomID, EventID: eventID, Version: r.Version, Event: r.Event, State: r.State})
}

// checkInvited checks that there is who is invited, and takes invitations, and that they are
// not invited in the name of a user whose server is turned away. What is no invitation at all
// is found out later.
func (a *API) checkInvited(c echo.Context, origin matrix.ServerName, invitation jsontext.Value) error {
	var e struct {
		Sender string `json:"sender"`
		User   string `json:"state_key"`
	}
	if err := json.Unmarshal(invitation, &e, jsontext.AllowDuplicateNames(true)); err != nil {
		return errShape
	}
	if err := a.Blocked.Refuse(event.ServerOf(e.Sender)); err != nil {
		return err
	}
	user, err := matrix.ParseUserID(e.User)
	if err != nil || user.Server() != a.ServerName {
		return inbound.ErrInvite
	}
	there, err := a.Accounts.Exists(c.Request().Context(), user)
	switch {
	case err != nil:
		return err
	case !there:
		return errNobody
	}
	if err := a.chargeFor(c, byInvited, origin, user); err != nil {
		return err
	}
	return a.Data.Welcomes(c.Request().Context(), user)
}

// decoded reads a body in which events stand, which may be nested deeper, and say more, than
// requests of ours.
func decoded(c echo.Context, into any) error {
	body, err := content(c)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return errShape
	}
	return nil
}
