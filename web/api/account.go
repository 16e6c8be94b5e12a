package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/caller"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

type registerRequest struct {
	AccessToken      string `json:"access_token" required:"true"`
	TokenType        string `json:"token_type" required:"true"`
	MatrixServerName string `json:"matrix_server_name" required:"true"`
	ExpiresIn        int64  `json:"expires_in" required:"true"`
}

// registerAnswer repeats the token under the name that clients of older drafts
// read.
type registerAnswer struct {
	Token       string `json:"token"`
	AccessToken string `json:"access_token"`
}

// POST /_matrix/identity/v2/account/register
func (a *API) register(c echo.Context) error {
	var r registerRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	homeserver, err := matrix.ParseServerName(r.MatrixServerName)
	if err != nil {
		return err
	}
	token, err := a.Gate.Register(c.Request().Context(), caller.OpenID{
		AccessToken: r.AccessToken,
		TokenType:   r.TokenType,
		Homeserver:  homeserver,
		Network:     mxhttp.ClientNetwork(c),
	})
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, registerAnswer{Token: token, AccessToken: token})
}

// GET /_matrix/identity/v2/account
func (a *API) account(c echo.Context, user matrix.UserID) error {
	return mxhttp.Reply(c, http.StatusOK, struct {
		UserID matrix.UserID `json:"user_id"`
	}{user})
}

// POST /_matrix/identity/v2/account/logout
func (a *API) logout(c echo.Context) error {
	token, err := mxhttp.Bearer(c)
	if err != nil {
		return err
	}
	mxhttp.SetCaller(c, "account")
	if err := a.Gate.Logout(c.Request().Context(), token); err != nil {
		return atLogout(err)
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}
