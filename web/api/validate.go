package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/caller"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/threepid"
	"signet/verify"
)

// proving is what both requestToken calls take beside the address. The members below
// im.signet are ours (docs/homeserver-integration.md).
type proving struct {
	ClientSecret string         `json:"client_secret" required:"true"`
	SendAttempt  mxhttp.Integer `json:"send_attempt" required:"true"`
	NextLink     string         `json:"next_link"`

	Purpose   string          `json:"im.signet.purpose"`
	UserID    string          `json:"im.signet.user_id"`
	Existing  bool            `json:"im.signet.existing"`
	Bind      bool            `json:"im.signet.bind"`
	Challenge challengeAnswer `json:"im.signet.challenge"`
	person
}

type emailRequest struct {
	Email string `json:"email" required:"true"`
	proving
}

// POST /_matrix/identity/v2/validate/email/requestToken
func (a *API) emailRequestToken(c echo.Context, who caller.Caller) error {
	var r emailRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	address, err := threepid.ParseEmail(r.Email)
	if err != nil {
		return err
	}
	return a.requestToken(c, who, address, r.proving)
}

type msisdnRequest struct {
	PhoneNumber string `json:"phone_number" required:"true"`
	Country     string `json:"country" required:"true"`
	proving
}

// POST /_matrix/identity/v2/validate/msisdn/requestToken
func (a *API) msisdnRequestToken(c echo.Context, who caller.Caller) error {
	var r msisdnRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	address, err := threepid.ParsePhone(r.PhoneNumber, r.Country)
	if err != nil {
		return err
	}
	return a.requestToken(c, who, address, r.proving)
}

func (a *API) requestToken(c echo.Context, who caller.Caller, address threepid.Address, p proving) error {
	r, err := p.request(c, who)
	if err != nil {
		return err
	}
	r.Address = address
	sid, err := a.Verifier.Request(c.Request().Context(), r)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, struct {
		SID string `json:"sid"`
	}{sid})
}

// request is what is asked, but for the address.
func (p proving) request(c echo.Context, who caller.Caller) (r verify.Request, err error) {
	r = verify.Request{
		ClientSecret: p.ClientSecret,
		Caller:       callerOf(who),
		SendAttempt:  int64(p.SendAttempt),
		NextLink:     p.NextLink,
		Language:     p.language(c),
		Existing:     p.Existing,
		Answer:       verify.Answer{ID: p.Challenge.ID, Text: p.Challenge.Answer},
	}
	if r.Purpose, err = p.purpose(); err != nil {
		return r, err
	}
	if p.UserID != "" {
		if r.User, err = matrix.ParseUserID(p.UserID); err != nil {
			return r, err
		}
	}
	r.Client, err = p.client(c, who)
	return r, err
}

func (p proving) purpose() (verify.Purpose, error) {
	purpose, err := verify.ParsePurpose(p.Purpose)
	if err != nil || !p.Bind {
		return purpose, err
	}
	return purpose.AndBind()
}

// callerOf is a caller as verification sees it.
func callerOf(who caller.Caller) verify.Caller {
	if user, ok := who.Account(); ok {
		return verify.Account(user)
	}
	return verify.Homeserver(who.Homeserver)
}

type submitRequest struct {
	SID          string `json:"sid" required:"true"`
	ClientSecret string `json:"client_secret" required:"true"`
	Token        string `json:"token" required:"true"`
}

// POST /_matrix/identity/v2/validate/{medium}/submitToken
func (a *API) submitToken(c echo.Context, who caller.Caller) error {
	var r submitRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	credentials := verify.Credentials{SID: r.SID, ClientSecret: r.ClientSecret}
	if err := a.Verifier.Submit(c.Request().Context(), credentials, callerOf(who), r.Token); err != nil {
		return atSubmitToken(err)
	}
	return mxhttp.Reply(c, http.StatusOK, struct {
		Success bool `json:"success"`
	}{true})
}
