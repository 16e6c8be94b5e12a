package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/caller"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/verify"
)

type bindUserRequest struct {
	stamp
	UserID       string `json:"user_id" required:"true"`
	SID          string `json:"sid" required:"true"`
	ClientSecret string `json:"client_secret" required:"true"`
}

// POST /_signet/v1/users/bind
//
// A homeserver has a user found by the address that it has signed them up with, in a session
// whose owner agreed to that. The terms are the user's to accept, as for any binding.
func (a *API) bindUser(c echo.Context, server matrix.ServerName) error {
	var r bindUserRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	user, err := a.ownUser(c, server, r.UserID, r.stamp)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if err := a.Gate.CheckTerms(ctx, user); err != nil {
		return err
	}
	proof, err := a.Verifier.Prove(ctx, verify.Credentials{SID: r.SID, ClientSecret: r.ClientSecret}, verify.Homeserver(server))
	if err != nil {
		return err
	}
	if _, err := a.Directory.Bind(ctx, proof, user); err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}

// ownUser is a user of the homeserver that signed the call, which goes through once.
func (a *API) ownUser(c echo.Context, server matrix.ServerName, id string, s stamp) (matrix.UserID, error) {
	user, err := matrix.ParseUserID(id)
	if err != nil {
		return "", err
	}
	if user.Server() != server {
		return "", forbidden("a homeserver can bind and unbind its own users only")
	}
	return user, a.once(c, caller.Homeserver(server), s)
}

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
	user, err := a.ownUser(c, server, r.UserID, r.stamp)
	if err != nil {
		return err
	}
	if err := a.Directory.UnbindAll(c.Request().Context(), user); err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}
