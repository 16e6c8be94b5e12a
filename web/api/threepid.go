package api

import (
	"bytes"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/caller"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/threepid"
	"signet/verify"
)

// GET /_matrix/identity/v2/3pid/getValidated3pid
func (a *API) getValidated3pid(c echo.Context, user matrix.UserID) error {
	sid, err := mxhttp.Query(c, "sid")
	if err != nil {
		return err
	}
	secret, err := mxhttp.Query(c, "client_secret")
	if err != nil {
		return err
	}
	credentials := verify.Credentials{SID: sid, ClientSecret: secret}
	proof, err := a.Verifier.Prove(c.Request().Context(), credentials, verify.Account(user))
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, struct {
		Medium      threepid.Medium `json:"medium"`
		Address     string          `json:"address"`
		ValidatedAt int64           `json:"validated_at"`
	}{proof.Address().Medium(), proof.Address().String(), proof.ValidatedAt().UnixMilli()})
}

type bindRequest struct {
	SID          string `json:"sid" required:"true"`
	ClientSecret string `json:"client_secret" required:"true"`
	MXID         string `json:"mxid" required:"true"`
}

// POST /_matrix/identity/v2/3pid/bind
func (a *API) bind(c echo.Context, user matrix.UserID) error {
	var r bindRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	if mxid, err := matrix.ParseUserID(r.MXID); err != nil {
		return err
	} else if mxid != user {
		return forbidden("an account can bind addresses to itself only")
	}
	credentials := verify.Credentials{SID: r.SID, ClientSecret: r.ClientSecret}
	proof, err := a.Verifier.Prove(c.Request().Context(), credentials, verify.Account(user))
	if err != nil {
		return err
	}
	association, err := a.Directory.Bind(c.Request().Context(), proof, user)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, jsontext.Value(association))
}

type unbindRequest struct {
	SID          string `json:"sid"`
	ClientSecret string `json:"client_secret"`
	MXID         string `json:"mxid" required:"true"`
	ThreePID     struct {
		Medium  string `json:"medium" required:"true"`
		Address string `json:"address" required:"true"`
	} `json:"threepid" required:"true"`
}

// POST /_matrix/identity/v2/3pid/unbind
func (a *API) unbind(c echo.Context) error {
	var sent bytes.Buffer // a homeserver's signature covers the body as sent
	c.Request().Body = io.NopCloser(io.TeeReader(c.Request().Body, &sent))
	var r unbindRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	user, err := matrix.ParseUserID(r.MXID)
	if err != nil {
		return err
	}
	address, err := threepid.Parse(r.ThreePID.Medium, r.ThreePID.Address)
	if err != nil {
		return err
	}
	if err := a.mayUnbind(c, r, address, user, sent.Bytes()); err != nil {
		return err
	}
	if err := a.Directory.Unbind(c.Request().Context(), address, user); err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}

// mayUnbind lets in the owner of the address, shown by a session, and the server
// of the user, shown by its signature.
func (a *API) mayUnbind(c echo.Context, r unbindRequest, address threepid.Address, user matrix.UserID, body []byte) error {
	if r.SID == "" && r.ClientSecret == "" {
		return a.mayUnbindUser(c, user, body)
	}
	mxhttp.SetCaller(c, "session")
	proof, err := a.Verifier.ProveAnyone(c.Request().Context(), verify.Credentials{SID: r.SID, ClientSecret: r.ClientSecret})
	if err != nil {
		return err
	}
	if proof.Address() != address {
		return forbidden("the session is for another address")
	}
	return nil
}

// mayUnbindUser lets in the user's homeserver. A request may carry several
// signatures, one a header. Only those in the homeserver's name are looked at:
// anybody can name other servers, and each would be asked for its keys.
func (a *API) mayUnbindUser(c echo.Context, user matrix.UserID, body []byte) error {
	mxhttp.SetCaller(c, "homeserver")
	failure := forbidden("only the user's own homeserver, or the owner of the address, can unbind it")
	for _, header := range c.Request().Header.Values(echo.HeaderAuthorization) {
		if x, err := matrix.ParseXMatrix(header); err != nil || x.Origin != user.Server() {
			continue
		}
		_, err := a.Gate.Homeserver(c.Request().Context(), caller.SignedCall{
			Authorization: header,
			Method:        c.Request().Method,
			URI:           signedURI(c.Request()),
			Body:          body,
		})
		if err == nil {
			return nil
		}
		failure = err
	}
	return failure
}

// signedURI is the path and query of a request as they were sent, also where the
// request line holds a whole URL (RFC 9112, section 3.2.2).
func signedURI(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}
