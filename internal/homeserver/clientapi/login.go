package clientapi

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/page"
	"signet/internal/mxhttp"
)

// The logins that there are; the second where people log in by a code, the last there and where
// they let other devices in.
const (
	loginPassword = "m.login.password"
	loginSSO      = "m.login.sso"
	loginToken    = "m.login.token"
)

var (
	errLoginType   = errors.New("the login type is not one of this server's flows")
	errLoginMember = errors.New("type, identifier with whom it names, and password are needed")
)

type loginFlow struct {
	Type      string             `json:"type"`
	Providers []identityProvider `json:"identity_providers,omitempty"`
	GetToken  bool               `json:"get_login_token,omitzero"`
}

type identityProvider struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type loginFlowsAnswer struct {
	Flows []loginFlow `json:"flows"`
}

// GET /_matrix/client/v3/login
func (a *API) loginFlows(c echo.Context) error {
	flows := []loginFlow{{Type: loginPassword}}
	if a.Logins != nil {
		flows = append(flows, loginFlow{Type: loginSSO, Providers: []identityProvider{{ID: page.CodeProvider, Name: "code by e-mail or SMS"}}})
	}
	if a.takesTokens() {
		flows = append(flows, loginFlow{Type: loginToken, GetToken: a.GrantTokens})
	}
	return mxhttp.Reply(c, http.StatusOK, loginFlowsAnswer{flows})
}

// takesTokens tells whether there is a way to a login token.
func (a *API) takesTokens() bool { return a.Logins != nil || a.GrantTokens }

type grantRequest struct {
	Auth *authData `json:"auth"`
}

type grantAnswer struct {
	Token   string `json:"login_token"`
	Expires int64  `json:"expires_in_ms"`
}

// POST /_matrix/client/v1/login/get_token
func (a *API) grantToken(c echo.Context, by account.Device) error {
	if !a.GrantTokens {
		return echo.ErrNotFound
	}
	var r grantRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	auth, err := r.Auth.auth()
	if err != nil {
		return err
	}
	token, err := a.Accounts.GrantLoginToken(c.Request().Context(), by, auth)
	c.Response().Header().Set("Cache-Control", "no-store")
	return answer(c, grantAnswer{token, account.LoginTokenLife.Milliseconds()}, err)
}

type loginRequest struct {
	Type        string      `json:"type"`
	Identifier  *identifier `json:"identifier"`
	Password    string      `json:"password"`
	Token       string      `json:"token"` // of m.login.token
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
	login, err := a.loginBy(c, r)
	if err != nil {
		return err
	}
	answer, discovery := letIn(login), a.clientDiscovery()
	answer.WellKnown = &discovery
	return mxhttp.Reply(c, http.StatusOK, answer)
}

func (a *API) loginBy(c echo.Context, r loginRequest) (account.Login, error) {
	if r.Type == loginToken && a.takesTokens() {
		return a.loginByToken(c, r)
	}
	credentials, err := r.credentials()
	if err != nil {
		return account.Login{}, err
	}
	return a.Accounts.Login(c.Request().Context(), credentials)
}

// loginByToken lets in whom a page of this server has sent back with a token, or whom another
// device of theirs has given one.
func (a *API) loginByToken(c echo.Context, r loginRequest) (account.Login, error) {
	if r.Token == "" {
		return account.Login{}, errLoginToken
	}
	from := account.Whence{Client: mxhttp.ClientAddr(c), Language: language(c, "")}
	return a.Accounts.LoginByToken(c.Request().Context(), r.Token, r.device(), from)
}

// device is the one that logs in.
func (r loginRequest) device() account.NewDevice {
	return account.NewDevice{ID: account.DeviceID(r.DeviceID), DisplayName: r.DisplayName, Refreshes: r.Refreshes}
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
		Device:   r.device(),
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
