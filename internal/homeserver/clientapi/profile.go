package clientapi

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/userdata"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// GET /_matrix/client/v3/profile/{userId}
func (a *API) profile(c echo.Context) error {
	p, err := a.profileInPath(c, "")
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, p)
}

// profileInPath is the profile of the user whom the path names; of another server's, where a
// field is asked for, that field alone.
func (a *API) profileInPath(c echo.Context, field string) (userdata.Profile, error) {
	name, err := mxhttp.Segment(c, "userId")
	if err != nil {
		return nil, err
	}
	user, err := matrix.ParseUserID(name)
	if err != nil {
		return nil, err
	}
	ask, err := a.elsewhere(c, user.Server())
	if err != nil {
		return nil, err
	}
	if ask {
		return a.remoteProfile(c, user, field)
	}
	there, err := a.Accounts.Exists(c.Request().Context(), user)
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, account.ErrNoUser
	}
	return a.Data.Profile(c.Request().Context(), user)
}

// GET /_matrix/client/v3/profile/{userId}/{keyName}
func (a *API) profileField(c echo.Context) error {
	field, err := mxhttp.Segment(c, "keyName")
	if err != nil {
		return err
	}
	p, err := a.profileInPath(c, field)
	if err != nil {
		return err
	}
	value, there := p[field]
	if !there {
		return userdata.ErrNone
	}
	return mxhttp.Reply(c, http.StatusOK, userdata.Profile{field: value})
}

// PUT /_matrix/client/v3/profile/{userId}/{keyName}
func (a *API) setProfileField(c echo.Context, user matrix.UserID) error {
	field, err := mxhttp.Segment(c, "keyName")
	if err != nil {
		return err
	}
	if err := userdata.CheckField(field); err != nil {
		return err
	}
	var body members
	if err := mxhttp.Decode(c, &body); err != nil {
		return err
	}
	value, there := body.All[field]
	if !there {
		return errNoField
	}
	return answer(c, empty{}, a.Data.SetField(c.Request().Context(), user, field, value))
}

// DELETE /_matrix/client/v3/profile/{userId}/{keyName}
func (a *API) deleteProfileField(c echo.Context, user matrix.UserID) error {
	field, err := mxhttp.Segment(c, "keyName")
	if err != nil {
		return err
	}
	return answer(c, empty{}, a.Data.DeleteField(c.Request().Context(), user, field))
}

// members is an object whose members the client names.
type members struct {
	All map[string]jsontext.Value `json:",embed"`
}
