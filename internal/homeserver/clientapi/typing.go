package clientapi

import (
	"errors"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/typing"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

var errTypingTimeout = errors.New("timeout is a number of milliseconds, 0 or more")

// typingTimeout is how long somebody types who does not say it.
const typingTimeout = 30 * time.Second

type typingRequest struct {
	Typing  *bool  `json:"typing" required:"true"`
	Timeout *int64 `json:"timeout"` // milliseconds
}

// PUT /_matrix/client/v3/rooms/{roomId}/typing/{userId}
func (a *API) setTyping(c echo.Context, user matrix.UserID) error {
	id, err := mxhttp.Segment(c, "roomId")
	if err != nil {
		return err
	}
	var r typingRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	in, err := a.Rooms.Joined(user, id) // when the body has come, which may take a while
	if err != nil {
		return err
	}
	timeout, err := r.timeout()
	if err != nil {
		return err
	}
	ctx, where := c.Request().Context(), matrix.RoomID(in.ID())
	if !*r.Typing || timeout == 0 {
		return answer(c, empty{}, a.Typing.Stop(ctx, where, user))
	}
	return answer(c, empty{}, a.Typing.Start(ctx, where, user, timeout))
}

func (r typingRequest) timeout() (time.Duration, error) {
	switch {
	case r.Timeout == nil:
		return typingTimeout, nil
	case *r.Timeout < 0:
		return 0, errTypingTimeout
	}
	return time.Duration(min(*r.Timeout, typing.MaxTimeout.Milliseconds())) * time.Millisecond, nil
}
