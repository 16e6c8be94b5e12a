package clientapi

import (
	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/mxhttp"
)

// authenticated calls a handler with the device whose access token the request
// carries.
func (a *API) authenticated(handle func(echo.Context, account.Device) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		token, err := mxhttp.Bearer(c)
		if err != nil {
			return err
		}
		device, err := a.Accounts.Authenticate(c.Request().Context(), token)
		if err != nil {
			return err
		}
		mxhttp.SetCaller(c, "account")
		return handle(c, device)
	}
}

// empty is a request or an answer without members.
type empty struct{}
