package fedapi

import (
	"context"

	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
)

// welcome answers servers that are not turned away. It is before what brings somebody in, and
// where people and rooms are found: the others may leave what they are in, and go on in it as
// far as its ACLs let them.
func (a *API) welcome(handler originHandler) originHandler {
	return func(c echo.Context, origin matrix.ServerName) error {
		if err := a.Blocked.Refuse(origin); err != nil {
			return err
		}
		return handler(c, origin)
	}
}

// meets tells whether a server is answered about the devices of a user: one that is turned away
// only for those with whom somebody of it is in a room, who could not read what is said there.
func (a *API) meets(ctx context.Context, origin matrix.ServerName, user matrix.UserID) (bool, error) {
	if a.Blocked.Refuse(origin) == nil {
		return true, nil
	}
	return a.Rooms.Rooms.Meets(ctx, user, origin)
}

// ofThoseMet keeps of what a server asks about users what it is answered. Where nothing is left
// of it the error is why.
func ofThoseMet[T any](ctx context.Context, a *API, origin matrix.ServerName, asked map[matrix.UserID]T) error {
	all := len(asked)
	for user := range asked {
		meets, err := a.meets(ctx, origin, user)
		if err != nil {
			return err
		}
		if !meets {
			delete(asked, user)
		}
	}
	if all > 0 && len(asked) == 0 {
		return a.Blocked.Refuse(origin)
	}
	return nil
}
