package clientapi

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/mxhttp"
)

// loginPassword is the one login that there is.
const loginPassword = "m.login.password"

var (
	errLoginType   = errors.New("the login type is not one of this server's flows")
	errLoginMember = errors.New("type, identifier with whom it names, and password are needed")
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
	formerIdentifier
}

// POST /_matrix/client/v3/login
func (a *API) login(c echo.Context) error {
	var r loginRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	credentials, err := r.credentials()
	if err != nil {
		return err
	}
	login, err := a.Accounts.Login(c.Request().Context(), credentials)
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

// credentials are those of the request, if it is one for a password login.
func (r loginRequest) credentials() (c account.Credentials, err error) {
	says := r.identifier()
	if r.Identifier != nil {
		says = *r.Identifier
	}
	switch {
	case r.Type == "":
		return c, errLoginMember
	case r.Type != loginPassword:
		return c, errLoginType
	case says.Type == "", says == identifier{Type: says.Type}, r.Password == "":
		return c, errLoginMember
	}
	c = account.Credentials{
		Password: r.Password,
		Device:   account.NewDevice{ID: account.DeviceID(r.DeviceID), DisplayName: r.DisplayName, Refreshes: r.Refreshes},
	}
	c.Name, c.Address, err = says.who()
	return c, err
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
