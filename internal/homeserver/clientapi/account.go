package clientapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

type whoamiAnswer struct {
	UserID   matrix.UserID    `json:"user_id"`
	DeviceID account.DeviceID `json:"device_id"`
	IsGuest  bool             `json:"is_guest"`
}

// GET /_matrix/client/v3/account/whoami
func (a *API) whoami(c echo.Context, device account.Device) error {
	return mxhttp.Reply(c, http.StatusOK, whoamiAnswer{UserID: device.User, DeviceID: device.ID})
}

type passwordRequest struct {
	NewPassword   string    `json:"new_password"`
	LogoutDevices *bool     `json:"logout_devices"` // true if absent
	Auth          *authData `json:"auth"`
}

// POST /_matrix/client/v3/account/password
//
// Whoever has no access token shows that an address of the account is theirs.
func (a *API) changePassword(c echo.Context) error {
	if a.Accounts.Contacts == nil || hasAccessToken(c) {
		return a.limitedTo(byConfirm, a.replacePassword)(c)
	}
	return a.limited(byReset, a.resetPassword)(c)
}

func (a *API) replacePassword(c echo.Context, by account.Device) error {
	change, auth, err := readPassword(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	return answer(c, empty{}, a.forgetDevices(ctx, by.User, a.Accounts.SetPassword(ctx, by, change, auth)))
}

func (a *API) resetPassword(c echo.Context) error {
	change, auth, err := readPassword(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	owner, err := a.Accounts.ResetPassword(ctx, change, auth)
	if err == nil {
		err = a.forgetDevices(ctx, owner, nil)
	}
	return answer(c, empty{}, err)
}

func readPassword(c echo.Context) (account.PasswordChange, *account.Auth, error) {
	var r passwordRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return account.PasswordChange{}, nil, err
	}
	auth, err := r.Auth.auth()
	from := account.Whence{Client: mxhttp.ClientAddr(c), Language: language(c, "")}
	return account.PasswordChange{Password: r.NewPassword, LogoutDevices: r.LogoutDevices == nil || *r.LogoutDevices, From: from}, auth, err
}

type deactivateRequest struct {
	Erase bool      `json:"erase"`
	Auth  *authData `json:"auth"`
}

// POST /_matrix/client/v3/account/deactivate
//
// It unbinds everywhere, whatever identity server the request names.
func (a *API) deactivate(c echo.Context, by account.Device) error {
	var r deactivateRequest
	if err := decodeOptional(c, &r); err != nil {
		return err
	}
	auth, err := r.Auth.auth()
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	gone := false
	if err = a.Accounts.Deactivate(ctx, by, r.Erase, auth); err == nil {
		ctx = context.WithoutCancel(ctx)
		gone = a.farewell(c, by.User)
		err = errors.Join(a.Encryption.Erase(ctx, by.User), a.Backups.Sweep(ctx))
		if err := a.Departures.Fulfil(ctx); err != nil { // and is tried again, with no client to wait for it
			mxhttp.Log(c).Error("leaving the rooms of an account that has ended", "error", err)
		}
	}
	return answer(c, unboundAnswer(gone), err)
}
