package clientapi

import (
	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// deviceHandler answers a request of a device that is known.
type deviceHandler func(echo.Context, account.Device) error

// authenticated calls a handler with the device whose access token the request
// carries.
func (a *API) authenticated(handle deviceHandler) echo.HandlerFunc {
	return func(c echo.Context) error {
		token, err := accessToken(c)
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

// accessToken is the token in the Authorization header or, without one, in the query
// string: the specification has dropped that in v1.20, and clients in the field go on.
// Nothing logs the query.
func accessToken(c echo.Context) (string, error) {
	const parameter = "access_token"
	if c.Request().Header.Get(echo.HeaderAuthorization) != "" || c.QueryParam(parameter) == "" {
		return mxhttp.Bearer(c)
	}
	return mxhttp.Query(c, parameter)
}

// hasAccessToken tells whether a request says that it is a user's.
func hasAccessToken(c echo.Context) bool {
	return c.Request().Header.Get(echo.HeaderAuthorization) != "" || c.QueryParams().Has("access_token")
}

// ofOwner calls a handler for the user in the path, who has to be the caller.
func ofOwner(handle func(echo.Context, matrix.UserID) error) deviceHandler {
	return func(c echo.Context, by account.Device) error {
		user, err := mxhttp.Segment(c, "userId")
		if err != nil {
			return err
		}
		if user != by.User.String() {
			return account.ErrNotOwner
		}
		return handle(c, by.User)
	}
}

// decodeOptional is mxhttp.Decode for a body that may be left out.
func decodeOptional(c echo.Context, into any) error {
	sent, err := mxhttp.Body(c)
	if err != nil || len(sent) == 0 {
		return err
	}
	return mxhttp.Decode(c, into)
}

// empty is a request or an answer without members.
type empty struct{}
