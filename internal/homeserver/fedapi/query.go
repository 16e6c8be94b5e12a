package fedapi

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/publicrooms"
	"signet/internal/homeserver/userdata"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// GET /_matrix/federation/v1/query/profile
func (a *API) queryProfile(c echo.Context, _ matrix.ServerName) error {
	ctx := c.Request().Context()
	name, err := mxhttp.Query(c, "user_id")
	if err != nil {
		return err
	}
	user, err := matrix.ParseUserID(name)
	if err != nil {
		return err
	}
	switch there, err := a.Accounts.Exists(ctx, user); {
	case err != nil:
		return err
	case !there:
		return account.ErrNoUser
	}
	profile, err := a.Data.Profile(ctx, user)
	if err != nil {
		return err
	}
	if !c.QueryParams().Has("field") {
		return mxhttp.Reply(c, http.StatusOK, profile)
	}
	field, err := mxhttp.Query(c, "field")
	if err != nil {
		return err
	}
	only := userdata.Profile{}
	if value, set := profile[field]; set {
		only[field] = value
	}
	return mxhttp.Reply(c, http.StatusOK, only)
}

type directoryAnswer struct {
	RoomID  string              `json:"room_id"`
	Servers []matrix.ServerName `json:"servers"`
}

// GET /_matrix/federation/v1/query/directory
func (a *API) queryDirectory(c echo.Context, _ matrix.ServerName) error {
	alias, err := mxhttp.Query(c, "room_alias")
	if err != nil {
		return err
	}
	roomID, servers, err := a.Rooms.OfAlias(c.Request().Context(), alias)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, directoryAnswer{roomID, servers})
}

type publicRoomsRequest struct {
	Limit  int    `json:"limit"`
	Since  string `json:"since"`
	Filter struct {
		Term  string    `json:"generic_search_term"`
		Types []*string `json:"room_types"`
	} `json:"filter"`
}

// GET /_matrix/federation/v1/publicRooms
func (a *API) publicRooms(c echo.Context, _ matrix.ServerName) error {
	limit, err := number(c, "limit", 0)
	if err != nil {
		return err
	}
	l := publicrooms.Listing{Limit: int(min(limit, maxListed))}
	if c.QueryParams().Has("since") {
		if l.Since, err = mxhttp.Query(c, "since"); err != nil {
			return err
		}
	}
	return a.listRooms(c, l)
}

// maxListed is the largest limit that means something.
const maxListed = 10_000

// POST /_matrix/federation/v1/publicRooms
func (a *API) searchPublicRooms(c echo.Context, _ matrix.ServerName) error {
	var r publicRoomsRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	return a.listRooms(c, publicrooms.Listing{Limit: r.Limit, Since: r.Since, Term: r.Filter.Term, Types: r.Filter.Types})
}

func (a *API) listRooms(c echo.Context, l publicrooms.Listing) error {
	d, err := publicrooms.List(c.Request().Context(), a.Rooms.Rooms, l)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, d)
}
