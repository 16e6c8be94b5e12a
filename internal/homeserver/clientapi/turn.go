package clientapi

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/mxhttp"
)

type turnAnswer struct {
	Username string   `json:"username"`
	Password string   `json:"password"`
	URIs     []string `json:"uris"`
	TTL      int64    `json:"ttl"` // seconds
}

// GET /_matrix/client/v3/voip/turnServer
//
// Where there is no TURN server the answer is empty, which clients take for that.
func (a *API) turnServer(c echo.Context, by account.Device) error {
	if a.TURN == nil {
		return mxhttp.Reply(c, http.StatusOK, empty{})
	}
	t := a.TURN.Credentials(by.User, a.Now())
	return mxhttp.Reply(c, http.StatusOK, turnAnswer{t.Username, t.Password, t.URIs, int64(t.TTL.Seconds())})
}
