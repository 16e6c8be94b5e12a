package clientapi

import (
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/e2ee/roomkeys"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

type sessionAnswer struct {
	FirstMessageIndex int64          `json:"first_message_index"`
	ForwardedCount    int64          `json:"forwarded_count"`
	IsVerified        bool           `json:"is_verified"`
	SessionData       jsontext.Value `json:"session_data"`
}

// GET /_matrix/client/v3/room_keys/keys
func (a *API) getRooms(c echo.Context, device account.Device) error {
	each, err := a.eachKey(c, device)
	if err != nil {
		return err
	}
	return mxhttp.ReplyStream(c, roomsAnswer{each})
}

// GET /_matrix/client/v3/room_keys/keys/{roomId}
func (a *API) getRoom(c echo.Context, device account.Device) error {
	each, err := a.eachKey(c, device)
	if err != nil {
		return err
	}
	return mxhttp.ReplyStream(c, roomAnswer{each})
}

// GET /_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}
func (a *API) getSession(c echo.Context, device account.Device) error {
	each, err := a.eachKey(c, device)
	if err != nil {
		return err
	}
	var key roomkeys.Key
	err = each(func(k roomkeys.PlacedKey) error {
		key = k.Key
		return nil
	})
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, sessionAnswer(key))
}

// eachKey is roomkeys' Each for the keys that a request names.
type eachKey func(func(roomkeys.PlacedKey) error) error

func (a *API) eachKey(c echo.Context, device account.Device) (eachKey, error) {
	s, err := selected(c)
	if err != nil {
		return nil, err
	}
	version, err := query(c, "version")
	return func(do func(roomkeys.PlacedKey) error) error {
		return a.Backups.Each(c.Request().Context(), device.User, version, s, do)
	}, err
}

// roomsAnswer is keys as {"rooms": {room: {"sessions": {session: key}}}}. It goes out as
// the keys are read: a backup may be larger than memory.
type roomsAnswer struct{ keys eachKey }

// MarshalJSONTo writes them.
func (a roomsAnswer) MarshalJSONTo(e *jsontext.Encoder) error {
	if err := write(e, jsontext.BeginObject, jsontext.String("rooms"), jsontext.BeginObject); err != nil {
		return err
	}
	var room matrix.RoomID
	err := a.keys(func(key roomkeys.PlacedKey) error {
		if key.Room != room {
			if err := endRoom(e, room); err != nil {
				return err
			}
			room = key.Room
			if err := write(e, jsontext.String(room.String()), jsontext.BeginObject, jsontext.String("sessions"), jsontext.BeginObject); err != nil {
				return err
			}
		}
		return writeSession(e, key)
	})
	if err != nil {
		return err
	}
	if err := endRoom(e, room); err != nil {
		return err
	}
	return write(e, jsontext.EndObject, jsontext.EndObject)
}

// endRoom ends the sessions of a room, if there is one.
func endRoom(e *jsontext.Encoder, room matrix.RoomID) error {
	if room == "" {
		return nil
	}
	return write(e, jsontext.EndObject, jsontext.EndObject)
}

// roomAnswer is keys of a room as {"sessions": {session: key}}.
type roomAnswer struct{ keys eachKey }

// MarshalJSONTo writes them.
func (a roomAnswer) MarshalJSONTo(e *jsontext.Encoder) error {
	if err := write(e, jsontext.BeginObject, jsontext.String("sessions"), jsontext.BeginObject); err != nil {
		return err
	}
	if err := a.keys(func(key roomkeys.PlacedKey) error { return writeSession(e, key) }); err != nil {
		return err
	}
	return write(e, jsontext.EndObject, jsontext.EndObject)
}

func writeSession(e *jsontext.Encoder, key roomkeys.PlacedKey) error {
	if err := write(e, jsontext.String(key.Session)); err != nil {
		return err
	}
	return json.MarshalEncode(e, sessionAnswer(key.Key))
}

func write(e *jsontext.Encoder, tokens ...jsontext.Token) error {
	for _, t := range tokens {
		if err := e.WriteToken(t); err != nil {
			return err
		}
	}
	return nil
}
