package fedapi

import (
	"errors"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/resident"
	"signet/internal/homeserver/thirdparty"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// maxOnBind is the size of a body that tells of thirdparty.MaxClaims invitations, as they
// usually are.
const maxOnBind = 1 << 20

// errExchange is the error of an event that no invitation is to become.
var errExchange = errors.New("the event is not the invitation of a user by a third-party identifier into the room")

// onBindRequest is what is believed of it: the identity server says the address and the user
// too, for which it has signed nothing.
type onBindRequest struct {
	Invites []struct {
		Room   string         `json:"room_id"`
		Sender string         `json:"sender"`
		Signed jsontext.Value `json:"signed"`
	} `json:"invites"`
}

// PUT and POST /_matrix/federation/v1/3pid/onbind
//
// Nobody has to sign the request, and a signature is not looked at: each invitation is signed
// by an identity server, for the servers of its room to check.
func (a *API) onBind(c echo.Context) error {
	out, err := a.stranger(c, true)
	if err != nil {
		return err
	}
	defer out()
	var r onBindRequest
	if err := decoded(c, &r); err != nil {
		return err
	}
	if len(r.Invites) > thirdparty.MaxClaims {
		return thirdparty.ErrTooMany
	}
	if err := a.chargeNetwork(c, byOnBind, len(r.Invites)); err != nil {
		return err
	}
	claims, err := r.claims()
	if err != nil {
		return err
	}
	if err := a.ThirdParty.Bound(c.Request().Context(), claims); err != nil {
		return err
	}
	mxhttp.SetCaller(c, "identity server")
	return mxhttp.Reply(c, http.StatusOK, empty{})
}

func (r onBindRequest) claims() (all []thirdparty.Claim, err error) {
	all = make([]thirdparty.Claim, len(r.Invites))
	for i, invite := range r.Invites {
		if all[i], err = claim(invite.Room, invite.Sender, invite.Signed); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func claim(roomID, sender string, signed jsontext.Value) (made thirdparty.Claim, err error) {
	made.Room = roomID
	if _, err := matrix.ParseRoomID(roomID); err != nil {
		return made, err
	}
	if made.Sender, err = matrix.ParseUserID(sender); err != nil {
		return made, err
	}
	made.Signed, err = thirdparty.ParseSigned(signed)
	return made, err
}

type exchangeRequest struct {
	Type     string `json:"type"`
	Room     string `json:"room_id"`
	Sender   string `json:"sender"`
	StateKey string `json:"state_key"`
	Content  struct {
		Membership string `json:"membership"`
		Invite     struct {
			Signed jsontext.Value `json:"signed"`
		} `json:"third_party_invite"`
	} `json:"content"`
}

// PUT /_matrix/federation/v1/exchange_third_party_invite/{roomId}
func (a *API) exchange(c echo.Context, origin matrix.ServerName) error {
	roomID, err := mxhttp.Segment(c, "roomId")
	if err != nil {
		return err
	}
	var r exchangeRequest
	if err := decoded(c, &r); err != nil {
		return err
	}
	made, err := claim(r.Room, r.Sender, r.Content.Invite.Signed)
	switch {
	case err != nil:
		return err
	case r.Type != "m.room.member" || r.Content.Membership != "invite" || r.Room != roomID || r.StateKey != made.Signed.User.String():
		return errExchange
	case made.Signed.User.Server() != origin:
		return resident.ErrNotOwnUser
	}
	ctx := c.Request().Context()
	if err := a.Rooms.Hosts(ctx, origin, roomID); err != nil {
		return err
	}
	if err := a.ThirdParty.Exchange(ctx, made); err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}
