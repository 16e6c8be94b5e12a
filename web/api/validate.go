package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/threepid"
	"signet/verify"
)

type emailRequest struct {
	Email        string `json:"email" required:"true"`
	ClientSecret string `json:"client_secret" required:"true"`
	SendAttempt  int64  `json:"send_attempt" required:"true"`
	NextLink     string `json:"next_link"`
}

// POST /_matrix/identity/v2/validate/email/requestToken
func (a *API) emailRequestToken(c echo.Context, user matrix.UserID) error {
	var r emailRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	address, err := threepid.ParseEmail(r.Email)
	if err != nil {
		return err
	}
	return a.requestToken(c, verify.Request{
		Address:      address,
		ClientSecret: r.ClientSecret,
		Caller:       verify.Account(user),
		SendAttempt:  r.SendAttempt,
		NextLink:     r.NextLink,
		Client:       mxhttp.ClientAddr(c),
	})
}

type msisdnRequest struct {
	PhoneNumber  string `json:"phone_number" required:"true"`
	Country      string `json:"country" required:"true"`
	ClientSecret string `json:"client_secret" required:"true"`
	SendAttempt  int64  `json:"send_attempt" required:"true"`
	NextLink     string `json:"next_link"`
}

// POST /_matrix/identity/v2/validate/msisdn/requestToken
func (a *API) msisdnRequestToken(c echo.Context, user matrix.UserID) error {
	var r msisdnRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	address, err := threepid.ParsePhone(r.PhoneNumber, r.Country)
	if err != nil {
		return err
	}
	return a.requestToken(c, verify.Request{
		Address:      address,
		ClientSecret: r.ClientSecret,
		Caller:       verify.Account(user),
		SendAttempt:  r.SendAttempt,
		NextLink:     r.NextLink,
		Client:       mxhttp.ClientAddr(c),
	})
}

func (a *API) requestToken(c echo.Context, r verify.Request) error {
	sid, err := a.Verifier.Request(c.Request().Context(), r)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, struct {
		SID string `json:"sid"`
	}{sid})
}

type submitRequest struct {
	SID          string `json:"sid" required:"true"`
	ClientSecret string `json:"client_secret" required:"true"`
	Token        string `json:"token" required:"true"`
}

// POST /_matrix/identity/v2/validate/{medium}/submitToken
func (a *API) submitToken(c echo.Context, user matrix.UserID) error {
	var r submitRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	credentials := verify.Credentials{SID: r.SID, ClientSecret: r.ClientSecret}
	if err := a.Verifier.Submit(c.Request().Context(), credentials, verify.Account(user), r.Token); err != nil {
		return atSubmitToken(err)
	}
	return mxhttp.Reply(c, http.StatusOK, struct {
		Success bool `json:"success"`
	}{true})
}
