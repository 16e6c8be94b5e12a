package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/caller"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

type unbindUserRequest struct {
	stamp
	UserID string `json:"user_id" required:"true"`
}

// POST /_signet/v1/users/unbind
//
// A homeserver takes back all addresses of a user whose account it has deactivated. An old
// signature must not do so again after the user has come back: the call goes through once.
func (a *API) unbindUser(c echo.Context, server matrix.ServerName) error {
	var r unbindUserRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	user, err := matrix.ParseUserID(r.UserID)
	if err != nil {
		return err
	}
	if user.Server() != server {
		return forbidden("a homeserver can unbind its own users only")
	}
	if err := a.once(c, caller.Homeserver(server), r.stamp); err != nil {
		return err
	}
	if err := a.Directory.UnbindAll(c.Request().Context(), user); err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}
