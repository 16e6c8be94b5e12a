package api

import (
	"errors"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/caller"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/keys/people"
	"signet/keys/value"
)

// keysOfUserRequest is about a user of the homeserver that has signed it, and goes through once.
type keysOfUserRequest struct {
	stamp
	UserID string `json:"user_id" required:"true"`
}

// right is the homeserver's right to the keys of its user, who wishes what it asks for.
func (a *API) right(c echo.Context, server matrix.ServerName, r keysOfUserRequest) (people.Right, error) {
	user, err := matrix.ParseUserID(r.UserID)
	if err != nil {
		return people.Right{}, err
	}
	right, err := people.ByHomeserver(server, user)
	if errors.Is(err, people.ErrRight) {
		err = forbidden("a homeserver has the keys of its own users only")
	}
	if err != nil {
		return people.Right{}, err
	}
	return right.From(mxhttp.ClientNetwork(c)), a.once(c, caller.Homeserver(server), r.stamp)
}

type keysOfUserPublishRequest struct {
	keysOfUserRequest
	Value jsontext.Value `json:"value" required:"true"`
	Wait  bool           `json:"wait"`
}

// publishForHomeserver publishes what a homeserver's user has it publish. What it costs to verify
// is bounded by how many signed calls a homeserver has.
func (a *API) publishForHomeserver(c echo.Context, server matrix.ServerName) error {
	var r keysOfUserPublishRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	object, err := value.Canonical(r.Value)
	if err != nil {
		return err
	}
	right, err := a.right(c, server, r.keysOfUserRequest)
	if err != nil {
		return err
	}
	ticket, err := a.People.Publish(c.Request().Context(), right, object)
	if err != nil {
		return err
	}
	return a.replyTicket(c, ticket, r.Wait)
}

// POST /_signet/v1/users/erase-keys
//
// A homeserver takes back the keys of a user who does not wish them published any more, or whose
// account has ended. An old signature must not do so again after the user has come back.
func (a *API) eraseKeysOfUser(c echo.Context, server matrix.ServerName) error {
	var r keysOfUserRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	right, err := a.right(c, server, r)
	if err != nil {
		return err
	}
	if err := a.People.EraseKeys(c.Request().Context(), right); err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}
