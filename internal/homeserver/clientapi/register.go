package clientapi

import (
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
}

type authData struct {
	Type    string `json:"type"`
	Session string `json:"session"`
}

// loginAnswer is the answer of register and login. HomeServer is deprecated and
// left out.
type loginAnswer struct {
	UserID      matrix.UserID          `json:"user_id"`
	AccessToken string                 `json:"access_token,omitempty"`
	DeviceID    account.DeviceID       `json:"device_id,omitempty"`
	WellKnown   *wellKnownClientAnswer `json:"well_known,omitempty"`
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
	login, err := a.Accounts.Register(c.Request().Context(), r.registration())
	if challenge, ok := errors.AsType[account.Challenge](err); ok {
		return mxhttp.Reply(c, http.StatusUnauthorized, challengeBody(challenge))
	}
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, loginAnswer{UserID: login.User, AccessToken: login.AccessToken, DeviceID: login.ID})
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

func (r registerRequest) registration() account.Registration {
	wish := account.Registration{
		Username:     r.Username,
		Password:     r.Password,
		Device:       account.NewDevice{ID: account.DeviceID(r.DeviceID), DisplayName: r.DisplayName},
		InhibitLogin: r.InhibitLogin,
	}
	if r.Auth != nil {
		wish.Auth = &account.Auth{Stage: r.Auth.Type, Session: r.Auth.Session}
	}
	return wish
}

type challengeAnswer struct {
	Completed []string            `json:"completed"`
	Flows     []flow              `json:"flows"`
	Params    map[string]struct{} `json:"params"`
	Session   string              `json:"session"`
	// The specification adds these when an attempt to pass a stage failed.
	ErrCode matrix.ErrCode `json:"errcode,omitempty"`
	Error   string         `json:"error,omitempty"`
}

type flow struct {
	Stages []string `json:"stages"`
}

// challengeBody is the 401 of the User-Interactive Authentication API. Nothing is
// ever completed in it: the one stage ends the flow.
func challengeBody(challenge account.Challenge) challengeAnswer {
	answer := challengeAnswer{
		Completed: []string{},
		Flows:     []flow{{challenge.Stages}},
		Params:    map[string]struct{}{},
		Session:   challenge.Session,
	}
	if p, failed := Translate(challenge); failed {
		answer.ErrCode, answer.Error = p.Code, p.Message
	}
	return answer
}
