package clientapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

var errVisibility = errors.New("visibility is public or private")

type createRoomRequest struct {
	Visibility      string          `json:"visibility"`
	AliasName       string          `json:"room_alias_name"`
	Name            string          `json:"name"`
	Topic           string          `json:"topic"`
	Invite          []matrix.UserID `json:"invite"`
	InviteThreepid  []invite3pid    `json:"invite_3pid"`
	Version         string          `json:"room_version"`
	CreationContent jsontext.Value  `json:"creation_content"`
	InitialState    []stateRequest  `json:"initial_state"`
	Preset          room.Preset     `json:"preset"`
	IsDirect        bool            `json:"is_direct"`
	PowerLevels     jsontext.Value  `json:"power_level_content_override"`
}

type stateRequest struct {
	Type     string         `json:"type" required:"true"`
	StateKey string         `json:"state_key"`
	Content  jsontext.Value `json:"content" required:"true"`
}

type roomIDAnswer struct {
	RoomID string `json:"room_id"`
}

// POST /_matrix/client/v3/createRoom
func (a *API) createRoom(c echo.Context, device account.Device) error {
	var r createRoomRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	if r.Visibility != "" && r.Visibility != "public" && r.Visibility != "private" {
		return errVisibility
	}
	if err := a.step(c, byInvite, device.User, len(r.Invite)+len(r.InviteThreepid)); err != nil {
		return err
	}
	found, unknown, err := a.behind(c.Request().Context(), r.InviteThreepid)
	if err != nil {
		return err
	}
	r.Invite = append(r.Invite, found...)
	creation := room.Creation{
		Creator: device.User, Version: r.Version, Preset: r.Preset, Name: r.Name, Topic: r.Topic, AliasName: r.AliasName,
		Listed: r.Visibility == "public", Direct: r.IsDirect, Invite: r.Invite, CreationContent: r.CreationContent, PowerLevels: r.PowerLevels,
	}
	for _, s := range r.InitialState {
		creation.InitialState = append(creation.InitialState, room.StateEvent{Type: s.Type, StateKey: s.StateKey, Content: s.Content})
	}
	id, err := a.create(c.Request().Context(), creation)
	if err != nil {
		return err
	}
	a.inviteUnknown(c, device.User, id, unknown)
	return mxhttp.Reply(c, http.StatusOK, roomIDAnswer{id})
}

func (a *API) create(ctx context.Context, c room.Creation) (roomID string, err error) {
	if a.Inbound == nil {
		return a.Rooms.Create(ctx, c)
	}
	return a.Inbound.Create(ctx, c)
}

// decodeIfAny decodes a body that clients may leave out.
func decodeIfAny(c echo.Context, into any) error {
	if c.Request().ContentLength == 0 {
		return nil
	}
	return mxhttp.Decode(c, into)
}
