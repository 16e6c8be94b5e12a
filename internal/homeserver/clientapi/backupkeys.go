package clientapi

import (
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/e2ee/roomkeys"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// roomBackup is the keys of a room as clients send them.
type roomBackup struct {
	Sessions map[string]jsontext.Value `json:"sessions"`
}

func (b roomBackup) keys() (map[string]roomkeys.Key, error) {
	if b.Sessions == nil {
		return nil, errMember
	}
	keys := make(map[string]roomkeys.Key, len(b.Sessions))
	for session, raw := range b.Sessions {
		key, err := roomkeys.ParseKey(raw)
		if err != nil {
			return nil, err
		}
		keys[session] = key
	}
	return keys, nil
}

type putRoomsRequest struct {
	Rooms map[matrix.RoomID]roomBackup `json:"rooms"`
}

// PUT /_matrix/client/v3/room_keys/keys
func (a *API) putRooms(c echo.Context, device account.Device) error {
	var r putRoomsRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	if r.Rooms == nil {
		return errMember
	}
	keys := roomkeys.Keys{}
	for room, backup := range r.Rooms {
		var err error
		if keys[room], err = backup.keys(); err != nil {
			return err
		}
	}
	return a.putKeys(c, device, keys)
}

// PUT /_matrix/client/v3/room_keys/keys/{roomId}
func (a *API) putRoom(c echo.Context, device account.Device) error {
	s, err := selected(c)
	if err != nil {
		return err
	}
	var r roomBackup
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	keys, err := r.keys()
	if err != nil {
		return err
	}
	return a.putKeys(c, device, roomkeys.Keys{s.Room: keys})
}

// PUT /_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}
func (a *API) putSession(c echo.Context, device account.Device) error {
	s, err := selected(c)
	if err != nil {
		return err
	}
	var r map[string]jsontext.Value // an object, which is read where the others are
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	raw, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("writing a key again: %w", err)
	}
	key, err := roomkeys.ParseKey(raw)
	if err != nil {
		return err
	}
	return a.putKeys(c, device, roomkeys.Keys{s.Room: {s.Session: key}})
}

// stateAnswer tells what the backup holds after it was changed.
type stateAnswer struct {
	Count int64  `json:"count"`
	ETag  string `json:"etag"`
}

func (a *API) putKeys(c echo.Context, device account.Device, keys roomkeys.Keys) error {
	version, err := query(c, "version")
	if err != nil {
		return err
	}
	state, err := a.Backups.Put(c.Request().Context(), device.User, version, keys)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, stateAnswer{state.Count, state.ETag})
}

// DELETE /_matrix/client/v3/room_keys/keys, …/{roomId} and …/{roomId}/{sessionId}
func (a *API) deleteBackupKeys(c echo.Context, device account.Device) error {
	s, err := selected(c)
	if err != nil {
		return err
	}
	version, err := query(c, "version")
	if err != nil {
		return err
	}
	state, err := a.Backups.DeleteKeys(c.Request().Context(), device.User, version, s)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, stateAnswer{state.Count, state.ETag})
}

// selected is the keys that the path names: all, those of a room, or one.
func selected(c echo.Context) (s roomkeys.Selection, err error) {
	for _, name := range c.ParamNames() {
		segment, err := mxhttp.Segment(c, name)
		if err != nil {
			return s, err
		}
		switch name {
		case "roomId":
			s.Room = matrix.RoomID(segment)
		case "sessionId":
			s.Session = segment
		}
	}
	return s, nil
}
