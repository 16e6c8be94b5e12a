package fedapi

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

var errNoToken = errors.New("the query parameter access_token is needed")

type userInfoAnswer struct {
	Sub matrix.UserID `json:"sub"`
}

// GET /_matrix/federation/v1/openid/userinfo
//
// The specification puts the token in the query string here; it opens nothing, and
// mxhttp logs no query.
func (a *API) userInfo(c echo.Context) error {
	if c.QueryParam("access_token") == "" {
		return errNoToken
	}
	token, err := mxhttp.Query(c, "access_token")
	if err != nil {
		return err
	}
	user, err := a.Accounts.OpenIDUser(c.Request().Context(), token)
	if err != nil {
		return err
	}
	mxhttp.SetCaller(c, "openid")
	return mxhttp.Reply(c, http.StatusOK, userInfoAnswer{user})
}
