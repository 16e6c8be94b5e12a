package clientapi

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/publicrooms"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

type aliasAnswer struct {
	RoomID  string              `json:"room_id"`
	Servers []matrix.ServerName `json:"servers"`
}

// GET /_matrix/client/v3/directory/room/{roomAlias}
func (a *API) getAlias(c echo.Context) error {
	name, err := mxhttp.Segment(c, "roomAlias")
	if err != nil {
		return err
	}
	id, via, err := a.alias(c, name)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, aliasAnswer{id, append([]matrix.ServerName{}, via...)})
}

type putAliasRequest struct {
	RoomID string `json:"room_id" required:"true"`
}

// PUT /_matrix/client/v3/directory/room/{roomAlias}
func (a *API) putAlias(c echo.Context, device account.Device) error {
	name, err := mxhttp.Segment(c, "roomAlias")
	if err != nil {
		return err
	}
	var r putAliasRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	err = a.Rooms.PutAlias(c.Request().Context(), device.User, name, r.RoomID)
	if errors.Is(err, room.ErrAliasTaken) { // which createRoom answers otherwise
		return mxhttp.Problem{Status: http.StatusConflict, Code: matrix.Unknown, Message: err.Error()}
	}
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}

// DELETE /_matrix/client/v3/directory/room/{roomAlias}
func (a *API) deleteAlias(c echo.Context, device account.Device) error {
	name, err := mxhttp.Segment(c, "roomAlias")
	if err != nil {
		return err
	}
	if err := a.Rooms.DeleteAlias(c.Request().Context(), device.User, name); err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}

type aliasesAnswer struct {
	Aliases []string `json:"aliases"`
}

// GET /_matrix/client/v3/rooms/{roomId}/aliases
func (a *API) aliases(c echo.Context, device account.Device) error {
	id, err := mxhttp.Segment(c, "roomId")
	if err != nil {
		return err
	}
	names, err := a.Rooms.Aliases(c.Request().Context(), device.User, id)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, aliasesAnswer{append([]string{}, names...)})
}

type listedShape struct {
	Visibility string `json:"visibility"`
}

// GET /_matrix/client/v3/directory/list/room/{roomId}
func (a *API) getListed(c echo.Context) error {
	id, err := mxhttp.Segment(c, "roomId")
	if err != nil {
		return err
	}
	listed, err := a.Rooms.Listed(id)
	if err != nil {
		return err
	}
	if listed {
		return mxhttp.Reply(c, http.StatusOK, listedShape{"public"})
	}
	return mxhttp.Reply(c, http.StatusOK, listedShape{"private"})
}

// PUT /_matrix/client/v3/directory/list/room/{roomId}
func (a *API) putListed(c echo.Context, device account.Device) error {
	id, err := mxhttp.Segment(c, "roomId")
	if err != nil {
		return err
	}
	r := listedShape{"public"}
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	if r.Visibility != "public" && r.Visibility != "private" {
		return errVisibility
	}
	if err := a.Rooms.SetListed(c.Request().Context(), device.User, id, r.Visibility == "public"); err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}

type publicRoomsRequest struct {
	Limit  int    `json:"limit"`
	Since  string `json:"since"`
	Filter struct {
		Term  string    `json:"generic_search_term"`
		Types []*string `json:"room_types"`
	} `json:"filter"`
}

// GET /_matrix/client/v3/publicRooms
func (a *API) publicRooms(c echo.Context) error {
	limit, err := number(c, "limit", 0)
	if err != nil {
		return err
	}
	since, err := optional(c, "since")
	if err != nil {
		return err
	}
	return a.list(c, publicrooms.Listing{Limit: limit, Since: since})
}

// POST /_matrix/client/v3/publicRooms
func (a *API) searchPublicRooms(c echo.Context, _ account.Device) error {
	var r publicRoomsRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	return a.list(c, publicrooms.Listing{Limit: r.Limit, Since: r.Since, Term: r.Filter.Term, Types: r.Filter.Types})
}

var (
	errOtherDirectory = errors.New("the directory of that server cannot be reached from here")
	errServer         = errors.New("server is not the name of a server")
)

func (a *API) list(c echo.Context, l publicrooms.Listing) error {
	server, err := optional(c, "server")
	if err != nil {
		return err
	}
	if server != "" && server != a.ServerName.String() {
		return a.remoteRooms(c, server, l)
	}
	d, err := publicrooms.List(c.Request().Context(), a.Rooms, l)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, d)
}
