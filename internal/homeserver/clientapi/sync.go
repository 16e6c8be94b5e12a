package clientapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/sync"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// syncRoutes is the part of the table that tells clients what is new.
func (a *API) syncRoutes() []mxhttp.Route {
	return []mxhttp.Route{
		{Method: http.MethodGet, Path: v3 + "/sync", Handler: a.authenticated(a.sync)},
	}
}

// GET /_matrix/client/v3/sync
func (a *API) sync(c echo.Context, device account.Device) error {
	r, err := syncRequest(c, device)
	if err != nil {
		return err
	}
	token, err := accessToken(c)
	if err != nil {
		return err
	}
	r.Admission = admission{a.Accounts, device.User, token}
	return a.Sync.Sync(c.Request().Context(), r, func(answer []byte) error {
		return mxhttp.ReplyBytes(c, echo.MIMEApplicationJSON, "no-store", answer)
	})
}

// admission is the access token of a device that waits.
type admission struct {
	accounts *account.Accounts
	user     matrix.UserID
	token    string
}

func (a admission) Doubt() <-chan struct{} { return a.accounts.Doubt(a.user) }

func (a admission) Check(ctx context.Context) error {
	_, err := a.accounts.Authenticate(ctx, a.token)
	return err
}

// syncRequest reads a request. Presence is not kept here: set_presence changes nothing.
func syncRequest(c echo.Context, device account.Device) (r sync.Request, err error) {
	r.User, r.Device = device.User, string(device.ID)
	if r.Since, err = optional(c, "since"); err != nil {
		return r, err
	}
	if r.Filter, err = optional(c, "filter"); err != nil {
		return r, err
	}
	if r.FullState, err = flag(c, "full_state"); err != nil {
		return r, err
	}
	if r.StateAfter, err = flag(c, "use_state_after"); err != nil {
		return r, err
	}
	if _, err = choice(c, "set_presence", "online", "unavailable", "offline"); err != nil {
		return r, err
	}
	wait, err := number(c, "timeout", 0)
	r.Timeout = min(time.Duration(wait), sync.MaxTimeout/time.Millisecond) * time.Millisecond
	return r, err
}

// flag is a query parameter that is true or false; absent it is false.
func flag(c echo.Context, name string) (bool, error) {
	word, err := choice(c, name, strconv.FormatBool(false), strconv.FormatBool(true))
	return word == strconv.FormatBool(true), err
}
