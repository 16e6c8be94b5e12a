package clientapi

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/e2ee/roomkeys"
	"signet/internal/mxhttp"
)

type backupRequest struct {
	Algorithm *string        `json:"algorithm"`
	AuthData  jsontext.Value `json:"auth_data"`
	Version   *string        `json:"version"`
}

// decode reads what a client says of a backup. Both of its members are needed.
func (r *backupRequest) decode(c echo.Context) error {
	if err := mxhttp.Decode(c, r); err != nil {
		return err
	}
	if r.Algorithm == nil || present(r.AuthData) == nil {
		return errMember
	}
	return nil
}

type versionAnswer struct {
	Version string `json:"version"`
}

// POST /_matrix/client/v3/room_keys/version
func (a *API) createBackup(c echo.Context, device account.Device) error {
	var r backupRequest
	if err := r.decode(c); err != nil {
		return err
	}
	version, err := a.Backups.Create(c.Request().Context(), device.User, *r.Algorithm, r.AuthData)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, versionAnswer{version})
}

type backupAnswer struct {
	Algorithm string         `json:"algorithm"`
	AuthData  jsontext.Value `json:"auth_data"`
	Count     int64          `json:"count"`
	ETag      string         `json:"etag"`
	Version   string         `json:"version"`
}

func replyBackup(c echo.Context, b roomkeys.Backup) error {
	return mxhttp.Reply(c, http.StatusOK, backupAnswer{b.Algorithm, b.AuthData, b.State.Count, b.State.ETag, b.Version})
}

// GET /_matrix/client/v3/room_keys/version
func (a *API) currentBackup(c echo.Context, device account.Device) error {
	b, err := a.Backups.Current(c.Request().Context(), device.User)
	if err != nil {
		return err
	}
	return replyBackup(c, b)
}

// GET /_matrix/client/v3/room_keys/version/{version}
func (a *API) backup(c echo.Context, device account.Device) error {
	version, err := mxhttp.Segment(c, "version")
	if err != nil {
		return err
	}
	b, err := a.Backups.Get(c.Request().Context(), device.User, version)
	if err != nil {
		return err
	}
	return replyBackup(c, b)
}

// PUT /_matrix/client/v3/room_keys/version/{version}
func (a *API) updateBackup(c echo.Context, device account.Device) error {
	version, err := mxhttp.Segment(c, "version")
	if err != nil {
		return err
	}
	var r backupRequest
	if err := r.decode(c); err != nil {
		return err
	}
	if r.Version != nil && *r.Version != version {
		return errBodyVersion
	}
	if err := a.Backups.Update(c.Request().Context(), device.User, version, *r.Algorithm, r.AuthData); err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}

// DELETE /_matrix/client/v3/room_keys/version/{version}
func (a *API) deleteBackup(c echo.Context, device account.Device) error {
	version, err := mxhttp.Segment(c, "version")
	if err != nil {
		return err
	}
	if err := a.Backups.Delete(c.Request().Context(), device.User, version); err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}
