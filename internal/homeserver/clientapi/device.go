package clientapi

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/mxhttp"
	"signet/internal/store"
)

type deviceAnswer struct {
	ID          account.DeviceID `json:"device_id"`
	DisplayName string           `json:"display_name,omitempty"`
	Seen        int64            `json:"last_seen_ts,omitzero"` // milliseconds
}

func deviceOf(d account.DeviceInfo) deviceAnswer {
	return deviceAnswer{ID: d.ID, DisplayName: d.DisplayName, Seen: store.Millis(d.Seen)}
}

type devicesAnswer struct {
	Devices []deviceAnswer `json:"devices"`
}

// GET /_matrix/client/v3/devices
func (a *API) devices(c echo.Context, by account.Device) error {
	devices, err := a.Accounts.Devices(c.Request().Context(), by.User)
	if err != nil {
		return err
	}
	var answer devicesAnswer
	for _, d := range devices {
		answer.Devices = append(answer.Devices, deviceOf(d))
	}
	return mxhttp.Reply(c, http.StatusOK, answer)
}

// deviceInPath is the caller's device that the path names.
func deviceInPath(c echo.Context, by account.Device) (account.Device, error) {
	id, err := mxhttp.Segment(c, "deviceId")
	return account.Device{User: by.User, ID: account.DeviceID(id)}, err
}

// GET /_matrix/client/v3/devices/{deviceId}
func (a *API) device(c echo.Context, by account.Device) error {
	d, err := deviceInPath(c, by)
	if err != nil {
		return err
	}
	info, err := a.Accounts.DeviceInfo(c.Request().Context(), d)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, deviceOf(info))
}

type renameRequest struct {
	DisplayName *string `json:"display_name"`
}

// PUT /_matrix/client/v3/devices/{deviceId}
func (a *API) renameDevice(c echo.Context, by account.Device) error {
	d, err := deviceInPath(c, by)
	if err != nil {
		return err
	}
	var r renameRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	ctx := c.Request().Context()
	if r.DisplayName == nil { // it stays
		_, err = a.Accounts.DeviceInfo(ctx, d)
		return answer(c, empty{}, err)
	}
	if err = a.Accounts.RenameDevice(ctx, d, *r.DisplayName); err == nil {
		err = a.Encryption.DeviceRenamed(ctx, encrypting(d))
	}
	return answer(c, empty{}, err)
}

type deleteDevicesRequest struct {
	Devices *[]account.DeviceID `json:"devices"`
	Auth    *authData           `json:"auth"`
}

// DELETE /_matrix/client/v3/devices/{deviceId}
func (a *API) deleteDevice(c echo.Context, by account.Device) error {
	d, err := deviceInPath(c, by)
	if err != nil {
		return err
	}
	var r deleteDevicesRequest
	if err := decodeOptional(c, &r); err != nil {
		return err
	}
	return a.delete(c, by, []account.DeviceID{d.ID}, r.Auth)
}

// POST /_matrix/client/v3/delete_devices
func (a *API) deleteDevices(c echo.Context, by account.Device) error {
	var r deleteDevicesRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	if r.Devices == nil {
		return errDevices
	}
	return a.delete(c, by, *r.Devices, r.Auth)
}

func (a *API) delete(c echo.Context, by account.Device, ids []account.DeviceID, data *authData) error {
	auth, err := data.auth()
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	return answer(c, empty{}, a.forgetDevices(ctx, by.User, a.Accounts.DeleteDevices(ctx, by, ids, auth)))
}
