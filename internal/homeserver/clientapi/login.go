package clientapi

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/mxhttp"
)

// The words of the one login that there is.
const (
	loginPassword  = "m.login.password"
	identifierUser = "m.id.user"
)

var (
	errLoginType   = errors.New("the login type is not one of this server's flows")
	errIdentifier  = errors.New("the identifier type is not one that this server knows")
	errLoginMember = errors.New("type, identifier with user, and password are needed")
)

type loginFlow struct {
	Type string `json:"type"`
}

type loginFlowsAnswer struct {
	Flows []loginFlow `json:"flows"`
}

// GET /_matrix/client/v3/login
func (a *API) loginFlows(c echo.Context) error {
	return mxhttp.Reply(c, http.StatusOK, loginFlowsAnswer{[]loginFlow{{loginPassword}}})
}

type loginRequest struct {
	Type        string      `json:"type"`
	Identifier  *identifier `json:"identifier"`
	Password    string      `json:"password"`
	DeviceID    string      `json:"device_id"`
	DisplayName string      `json:"initial_device_display_name"`
	Refreshes   bool        `json:"refresh_token"`
	// Clients of before r0.4 say who they are here.
	User   string `json:"user"`
	Medium string `json:"medium"`
}

type identifier struct {
	Type string `json:"type"`
	User string `json:"user"`
}

// POST /_matrix/client/v3/login
func (a *API) login(c echo.Context) error {
	var r loginRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	name, err := r.name()
	if err != nil {
		return err
	}
	login, err := a.Accounts.Login(c.Request().Context(), account.Credentials{
		Name:     name,
		Password: r.Password,
		Device:   account.NewDevice{ID: account.DeviceID(r.DeviceID), DisplayName: r.DisplayName, Refreshes: r.Refreshes},
	})
	if err != nil {
		return err
	}
	answer, discovery := letIn(login), a.clientDiscovery()
	answer.WellKnown = &discovery
	return mxhttp.Reply(c, http.StatusOK, answer)
}

type refreshRequest struct {
	RefreshToken string `json:"refresh_token"`
}

// POST /_matrix/client/v3/refresh
func (a *API) refresh(c echo.Context) error {
	var r refreshRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	if r.RefreshToken == "" {
		return errRefreshToken
	}
	login, err := a.Accounts.Refresh(c.Request().Context(), r.RefreshToken)
	return answer(c, tokensOf(login), err)
}

// name is who wants to log in, if the request is one for a password login.
func (r loginRequest) name() (string, error) {
	name, kind := r.User, identifierUser
	if r.Identifier != nil {
		name, kind = r.Identifier.User, r.Identifier.Type
	}
	switch {
	case r.Type == "":
		return "", errLoginMember
	case r.Type != loginPassword:
		return "", errLoginType
	case r.Identifier == nil && r.Medium != "", kind != "" && kind != identifierUser:
		return "", errIdentifier
	case name == "", kind == "", r.Password == "":
		return "", errLoginMember
	}
	return name, nil
}

// POST /_matrix/client/v3/logout
func (a *API) logout(c echo.Context, device account.Device) error {
	ctx := c.Request().Context()
	return answer(c, empty{}, a.forgetDevices(ctx, device.User, a.Accounts.Logout(ctx, device)))
}

// POST /_matrix/client/v3/logout/all
func (a *API) logoutAll(c echo.Context, device account.Device) error {
	ctx := c.Request().Context()
	return answer(c, empty{}, a.forgetDevices(ctx, device.User, a.Accounts.LogoutAll(ctx, device.User)))
}
