package clientapi

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/room"
	"signet/internal/mxhttp"
)

// POST /_matrix/client/v3/rooms/{roomId}/forget
func (a *API) forget(c echo.Context, device account.Device) error {
	id, err := mxhttp.Segment(c, "roomId")
	if err != nil {
		return err
	}
	if err := decodeIfAny(c, &empty{}); err != nil {
		return err
	}
	if err := a.Rooms.Forget(c.Request().Context(), device.User, id); err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}

type upgradeRequest struct {
	Version  string   `json:"new_version" required:"true"`
	Creators []string `json:"additional_creators"`
}

type upgradeAnswer struct {
	Replacement string `json:"replacement_room"`
}

// POST /_matrix/client/v3/rooms/{roomId}/upgrade
func (a *API) upgrade(c echo.Context, device account.Device) error {
	id, err := mxhttp.Segment(c, "roomId")
	if err != nil {
		return err
	}
	var r upgradeRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	replacement, err := a.Rooms.Upgrade(c.Request().Context(), room.Upgrade{Room: id, User: device.User, Version: r.Version, Creators: r.Creators})
	if err == nil {
		err = a.replaced(c.Request().Context(), id)
	}
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, upgradeAnswer{replacement})
}

// POST /_matrix/client/v3/rooms/{roomId}/report
func (a *API) reportRoom(c echo.Context, device account.Device) error {
	id, err := mxhttp.Segment(c, "roomId")
	if err != nil {
		return err
	}
	return a.report(c, room.Report{Reporter: device.User, Room: id})
}

// POST /_matrix/client/v3/rooms/{roomId}/report/{eventId}
func (a *API) reportEvent(c echo.Context, device account.Device) error {
	id, eventID, err := eventOf(c)
	if err != nil {
		return err
	}
	return a.report(c, room.Report{Reporter: device.User, Room: id, Event: eventID})
}

func (a *API) report(c echo.Context, report room.Report) error {
	var r membershipRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	report.Reason = r.Reason
	if err := a.Rooms.Report(c.Request().Context(), report); err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}
