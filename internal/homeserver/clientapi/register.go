package clientapi

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

var (
	errGuest = errors.New("this server has no guest accounts")
	errKind  = errors.New("no such kind of account")
)

type registerRequest struct {
	Auth         *authData `json:"auth"`
	Username     *string   `json:"username"`
	Password     string    `json:"password"`
	DeviceID     string    `json:"device_id"`
	DisplayName  string    `json:"initial_device_display_name"`
	InhibitLogin bool      `json:"inhibit_login"`
	Refreshes    bool      `json:"refresh_token"`
}

// tokens is what a device gets in when it is let in, and when it refreshes.
type tokens struct {
	AccessToken  string `json:"access_token,omitempty"`
	RefreshToken string `json:"refresh_token,omitempty"`
	ExpiresIn    int64  `json:"expires_in_ms,omitzero"`
}

func tokensOf(l account.Login) tokens {
	return tokens{AccessToken: l.AccessToken, RefreshToken: l.RefreshToken, ExpiresIn: l.ExpiresIn.Milliseconds()}
}

// loginAnswer is the answer of register and login. HomeServer is deprecated and
// left out.
type loginAnswer struct {
	UserID matrix.UserID `json:"user_id"`
	tokens
	DeviceID  account.DeviceID       `json:"device_id,omitempty"`
	WellKnown *wellKnownClientAnswer `json:"well_known,omitempty"`
}

func letIn(l account.Login) loginAnswer {
	return loginAnswer{UserID: l.User, tokens: tokensOf(l), DeviceID: l.ID}
}

// POST /_matrix/client/v3/register
func (a *API) register(c echo.Context) error {
	if err := checkKind(c); err != nil {
		return err
	}
	var r registerRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	wish, err := r.registration()
	if err != nil {
		return err
	}
	if !r.Auth.polls() {
		if err := a.chargeNetwork(c, byRegister); err != nil {
			return err
		}
	}
	wish.Showing = a.showing(c)
	if wish.Auth != nil {
		wish.Auth.Client = mxhttp.ClientAddr(c)
	}
	login, err := a.Accounts.Register(c.Request().Context(), wish)
	return answer(c, letIn(login), err)
}

// showing charges the client's network before a CAPTCHA is made for it: the identity server makes
// only so many for all who sign up here.
func (a *API) showing(c echo.Context) func() error {
	return func() error { return a.chargeNetwork(c, byCaptcha) }
}

// polls tells whether a client only asks whether a stage was passed elsewhere, as it does each
// few seconds while somebody looks for a message.
func (d *authData) polls() bool {
	return d != nil && d.Session != "" && (d.Type == "" || cmp.Or(d.Proof, d.FormerProof) != nil)
}

// checkKind lets through the registration of users, which is the default.
func checkKind(c echo.Context) error {
	if !c.QueryParams().Has("kind") {
		return nil
	}
	kind, err := mxhttp.Query(c, "kind")
	switch {
	case err != nil:
		return err
	case kind == "guest":
		return errGuest
	case kind != "user":
		return errKind
	}
	return nil
}

func (r registerRequest) registration() (account.Registration, error) {
	auth, err := r.Auth.auth()
	return account.Registration{
		Username:     r.Username,
		Password:     r.Password,
		Device:       account.NewDevice{ID: account.DeviceID(r.DeviceID), DisplayName: r.DisplayName, Refreshes: r.Refreshes},
		InhibitLogin: r.InhibitLogin,
		Auth:         auth,
	}, err
}

type availableAnswer struct {
	Available bool `json:"available"`
}

// GET /_matrix/client/v3/register/available
func (a *API) available(c echo.Context) error {
	name, err := query(c, "username")
	if err != nil {
		return err
	}
	if err := a.Accounts.CheckUsername(c.Request().Context(), name); err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, availableAnswer{true})
}

type validityAnswer struct {
	Valid bool `json:"valid"`
}

// GET /_matrix/client/v1/register/m.login.registration_token/validity
func (a *API) tokenValidity(c echo.Context) error {
	token, err := query(c, "token")
	if err != nil {
		return err
	}
	valid, err := a.Accounts.RegistrationTokenValid(c.Request().Context(), token)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, validityAnswer{valid})
}
