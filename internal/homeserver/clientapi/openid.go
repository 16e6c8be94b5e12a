package clientapi

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

type openIDAnswer struct {
	AccessToken string            `json:"access_token"`
	TokenType   string            `json:"token_type"`
	ServerName  matrix.ServerName `json:"matrix_server_name"`
	ExpiresIn   int64             `json:"expires_in"` // seconds
}

// POST /_matrix/client/v3/user/{userId}/openid/request_token
func (a *API) requestOpenID(c echo.Context, device account.Device) error {
	user, err := mxhttp.Segment(c, "userId")
	if err != nil {
		return err
	}
	if err := mxhttp.Decode(c, &empty{}); err != nil {
		return err
	}
	token, err := a.Accounts.IssueOpenID(c.Request().Context(), device, matrix.UserID(user))
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, openIDAnswer{
		AccessToken: token,
		TokenType:   "Bearer",
		ServerName:  a.ServerName,
		ExpiresIn:   int64(account.OpenIDLife / time.Second),
	})
}
