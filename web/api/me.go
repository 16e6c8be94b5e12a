package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/threepid"
)

const mePath = "/_signet/v1/me"

// GET /_signet/v1/me
//
// All that is stored about the token's user, for people to see and to take along.
func (a *API) me(c echo.Context, user matrix.UserID) error {
	held, err := a.Directory.HeldBy(c.Request().Context(), user)
	if err != nil {
		return err
	}
	held["user_id"] = user
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
	return mxhttp.Reply(c, http.StatusOK, held)
}

// DELETE /_signet/v1/me
//
// The token is forgotten too, so the same call again is 401.
func (a *API) eraseMe(c echo.Context, user matrix.UserID) error {
	if err := a.Directory.EraseUser(c.Request().Context(), user); err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}

type unbindMineRequest struct {
	Medium  string `json:"medium" required:"true"`
	Address string `json:"address" required:"true"`
}

// POST /_signet/v1/me/unbind
//
// Nobody learns by it whether another user is behind the address.
func (a *API) unbindMine(c echo.Context, user matrix.UserID) error {
	var r unbindMineRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	address, err := threepid.Parse(r.Medium, r.Address)
	if err != nil {
		return err
	}
	if err := a.Directory.UnbindOwn(c.Request().Context(), address, user); err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}
