package clientapi

import (
	"encoding/base64"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// maxMutual is how many rooms are told at once.
const maxMutual = 500

type mutualRoomsAnswer struct {
	Joined []string `json:"joined"`
	Count  int      `json:"count"`
	Next   string   `json:"next_batch,omitempty"`
}

// GET /_matrix/client/v1/mutual_rooms
func (a *API) mutualRooms(c echo.Context, device account.Device) error {
	name, err := mxhttp.Query(c, "user_id")
	if err != nil {
		return err
	}
	other, err := matrix.ParseUserID(name)
	if err != nil || other == device.User {
		return invalidParam("user_id is not the id of another user")
	}
	after, err := mutualAfter(c)
	if err != nil {
		return err
	}
	all, err := a.Rooms.Mutual(c.Request().Context(), device.User, other)
	if err != nil {
		return err
	}
	begin, told := slices.BinarySearch(all, after)
	if told {
		begin++
	}
	answer := mutualRoomsAnswer{Joined: all[begin:min(begin+maxMutual, len(all))], Count: len(all)}
	if last := begin + maxMutual; last < len(all) {
		answer.Next = base64.RawURLEncoding.EncodeToString([]byte(all[last-1]))
	}
	return mxhttp.Reply(c, http.StatusOK, answer)
}

// mutualAfter is the room after which a batch begins: a token names it, so that none is told
// twice or left out because others have come or gone.
func mutualAfter(c echo.Context) (roomID string, err error) {
	if !c.QueryParams().Has("from") {
		return "", nil
	}
	token, err := mxhttp.Query(c, "from")
	if err != nil {
		return "", err
	}
	id, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		_, err = matrix.ParseRoomID(string(id))
	}
	if err != nil {
		return "", invalidParam("from is not a token of this server")
	}
	return string(id), nil
}
