package fedapi

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// maxKeys is the size of a body that names devices.
const maxKeys = 1 << 20

type devicesAnswer struct {
	User        matrix.UserID  `json:"user_id"`
	Stream      stream.Pos     `json:"stream_id"`
	Devices     []device       `json:"devices"`
	Master      jsontext.Value `json:"master_key,omitempty"`
	SelfSigning jsontext.Value `json:"self_signing_key,omitempty"`
}

type device struct {
	ID          e2ee.DeviceID  `json:"device_id"`
	Keys        jsontext.Value `json:"keys"`
	DisplayName string         `json:"device_display_name,omitempty"`
}

// GET /_matrix/federation/v1/user/devices/{userId}
func (a *API) userDevices(c echo.Context, origin matrix.ServerName) error {
	name, err := mxhttp.Segment(c, "userId")
	if err != nil {
		return err
	}
	user, err := matrix.ParseUserID(name)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if err := ofThoseMet(ctx, a, origin, map[matrix.UserID]struct{}{user: {}}); err != nil {
		return err
	}
	list, err := a.Encryption.DevicesOf(ctx, user)
	if err != nil {
		return err
	}
	answer := devicesAnswer{User: list.User, Stream: list.Stream, Devices: make([]device, len(list.Devices)), Master: list.Master, SelfSigning: list.SelfSigning}
	for i, d := range list.Devices {
		answer.Devices[i] = device{ID: d.ID, Keys: d.Keys, DisplayName: d.DisplayName}
	}
	return mxhttp.Reply(c, http.StatusOK, answer)
}

type queryKeysRequest struct {
	Devices e2ee.Query `json:"device_keys" required:"true"`
}

type queryKeysAnswer struct {
	Devices     map[matrix.UserID]map[e2ee.DeviceID]jsontext.Value `json:"device_keys"`
	Master      map[matrix.UserID]jsontext.Value                   `json:"master_keys"`
	SelfSigning map[matrix.UserID]jsontext.Value                   `json:"self_signing_keys"`
}

// POST /_matrix/federation/v1/user/keys/query
func (a *API) queryKeys(c echo.Context, origin matrix.ServerName) error {
	var r queryKeysRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	if err := ofThoseMet(c.Request().Context(), a, origin, r.Devices); err != nil {
		return err
	}
	keys, err := a.Encryption.QueryHere(c.Request().Context(), r.Devices)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, queryKeysAnswer{Devices: keys.Devices, Master: keys.Master, SelfSigning: keys.SelfSigning})
}

type claimKeysRequest struct {
	OneTime e2ee.Claims `json:"one_time_keys" required:"true"`
}

type claimKeysAnswer struct {
	OneTime e2ee.Claimed `json:"one_time_keys"`
}

// POST /_matrix/federation/v1/user/keys/claim
func (a *API) claimKeys(c echo.Context, origin matrix.ServerName) error {
	var r claimKeysRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	if err := ofThoseMet(c.Request().Context(), a, origin, r.OneTime); err != nil {
		return err
	}
	claimed, err := a.Encryption.ClaimHere(c.Request().Context(), r.OneTime)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, claimKeysAnswer{claimed})
}
