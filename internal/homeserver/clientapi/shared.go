package clientapi

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// The registration by shared secret is no part of the specification. Its paths and
// shapes are those that operators' tools know.

type nonceAnswer struct {
	Nonce string `json:"nonce"`
}

// GET /_synapse/admin/v1/register
func (a *API) nonce(c echo.Context) error {
	nonce, err := a.Accounts.Nonce(c.Request().Context())
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, nonceAnswer{nonce})
}

type sharedRequest struct {
	Nonce    string `json:"nonce"`
	Username string `json:"username"`
	Password string `json:"password"`
	Admin    bool   `json:"admin"`
	MAC      string `json:"mac"`
}

type sharedAnswer struct {
	UserID      matrix.UserID     `json:"user_id"`
	AccessToken string            `json:"access_token"`
	DeviceID    account.DeviceID  `json:"device_id"`
	HomeServer  matrix.ServerName `json:"home_server"`
}

// POST /_synapse/admin/v1/register
func (a *API) registerShared(c echo.Context) error {
	var r sharedRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	login, err := a.Accounts.RegisterShared(c.Request().Context(), account.SharedRegistration(r))
	if err != nil {
		return err
	}
	mxhttp.SetCaller(c, "operator")
	return mxhttp.Reply(c, http.StatusOK, sharedAnswer{login.User, login.AccessToken, login.ID, a.ServerName})
}
