package fedapi

import (
	"context"
	"maps"

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

// ofThoseMet keeps of what a server asks about the devices of users what it is answered: one that
// is turned away only about those with whom somebody of it is in a room, who could not read what
// is said there. Where nothing is left of it the error is why.
func ofThoseMet[T any](ctx context.Context, a *API, origin matrix.ServerName, asked map[matrix.UserID]T) error {
	refusal := a.Blocked.Refuse(origin)
	if refusal == nil || len(asked) == 0 {
		return nil
	}
	met, err := a.Rooms.Rooms.Met(ctx, origin, maps.Keys(asked))
	if err != nil {
		return err
	}
	maps.DeleteFunc(asked, func(user matrix.UserID, _ T) bool { return !met[user] })
	if len(asked) == 0 {
		return refusal
	}
	return nil
}
