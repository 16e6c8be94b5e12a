package api

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/caller"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

type whoamiRequest struct {
	stamp
}

type whoamiAnswer struct {
	UserID     matrix.UserID     `json:"user_id,omitzero"`
	Homeserver matrix.ServerName `json:"homeserver"`
	SinceTS    int64             `json:"since_ts"`
}

// POST /_signet/v1/whoami
//
// A homeserver's operator sees here that signatures arrive whole and clocks agree,
// and makes the server known before its people need it.
func (a *API) whoami(c echo.Context, who caller.Caller) error {
	var r whoamiRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	if err := a.once(c, who, r.stamp); err != nil {
		return err
	}
	since, err := a.since(c, who)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, whoamiAnswer{UserID: who.User, Homeserver: who.Homeserver, SinceTS: since.UnixMilli()})
}

// since tells since when the caller is known, which one that was let in is.
func (a *API) since(c echo.Context, who caller.Caller) (since time.Time, err error) {
	if user, ok := who.Account(); ok {
		since, _, err = a.Gate.AccountSince(c.Request().Context(), user)
		return since, err
	}
	since, _, err = a.Gate.FirstSeen(c.Request().Context(), who.Homeserver)
	return since, err
}
