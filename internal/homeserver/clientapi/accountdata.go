package clientapi

import (
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/userdata"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// placeInPath is where the path's account data is: with the user, and in the room that
// the path names, if it names one.
func placeInPath(c echo.Context, user matrix.UserID) (userdata.Place, error) {
	at := userdata.Place{User: user}
	if c.Param("roomId") == "" {
		return at, nil
	}
	room, err := mxhttp.Segment(c, "roomId")
	if err != nil {
		return at, err
	}
	at.Room, err = matrix.ParseRoomID(room)
	return at, err
}

// nameInPath is placeInPath, and the name of what is there, by its parameter.
func nameInPath(c echo.Context, user matrix.UserID, parameter string) (at userdata.Place, name string, err error) {
	if at, err = placeInPath(c, user); err != nil {
		return at, "", err
	}
	name, err = mxhttp.Segment(c, parameter)
	return at, name, err
}

// object is the body, a JSON object of any members.
func object(c echo.Context) (content jsontext.Value, err error) {
	err = mxhttp.Decode(c, &content)
	return content, err
}

// PUT /_matrix/client/v3/user/{userId}/account_data/{type}
// PUT /_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}
func (a *API) setAccountData(c echo.Context, user matrix.UserID) error {
	at, kind, err := nameInPath(c, user, "type")
	if err != nil {
		return err
	}
	content, err := object(c)
	if err != nil {
		return err
	}
	return answer(c, empty{}, a.Data.SetAccountData(c.Request().Context(), at, kind, content))
}

// GET /_matrix/client/v3/user/{userId}/account_data/{type}
// GET /_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}
func (a *API) accountData(c echo.Context, user matrix.UserID) error {
	at, kind, err := nameInPath(c, user, "type")
	if err != nil {
		return err
	}
	content, err := a.Data.AccountData(c.Request().Context(), at, kind)
	return answer(c, content, err)
}

type tagsAnswer struct {
	Tags userdata.Tags `json:"tags"`
}

// GET /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags
func (a *API) tags(c echo.Context, user matrix.UserID) error {
	at, err := placeInPath(c, user)
	if err != nil {
		return err
	}
	tags, err := a.Data.Tags(c.Request().Context(), at)
	return answer(c, tagsAnswer{tags}, err)
}

// PUT /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}
func (a *API) setTag(c echo.Context, user matrix.UserID) error {
	at, name, err := nameInPath(c, user, "tag")
	if err != nil {
		return err
	}
	tag, err := object(c)
	if err != nil {
		return err
	}
	return answer(c, empty{}, a.Data.SetTag(c.Request().Context(), at, name, tag))
}

// DELETE /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}
func (a *API) deleteTag(c echo.Context, user matrix.UserID) error {
	at, name, err := nameInPath(c, user, "tag")
	if err != nil {
		return err
	}
	return answer(c, empty{}, a.Data.DeleteTag(c.Request().Context(), at, name))
}

type filterAnswer struct {
	FilterID string `json:"filter_id"`
}

// POST /_matrix/client/v3/user/{userId}/filter
func (a *API) addFilter(c echo.Context, user matrix.UserID) error {
	text, err := object(c)
	if err != nil {
		return err
	}
	id, err := a.Data.AddFilter(c.Request().Context(), user, text)
	return answer(c, filterAnswer{id}, err)
}

// GET /_matrix/client/v3/user/{userId}/filter/{filterId}
func (a *API) filter(c echo.Context, user matrix.UserID) error {
	id, err := mxhttp.Segment(c, "filterId")
	if err != nil {
		return err
	}
	text, err := a.Data.Filter(c.Request().Context(), user, id)
	return answer(c, text, err)
}
