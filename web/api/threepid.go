package api

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/caller"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/threepid"
	"signet/verify"
)

// validated is a validated session. What is ours says what for, asked by whom (an account
// or a homeserver), and for whom.
type validated struct {
	Medium      threepid.Medium `json:"medium"`
	Address     string          `json:"address"`
	ValidatedAt int64           `json:"validated_at"`
	Purpose     verify.Purpose  `json:"im.signet.purpose"`
	Bind        bool            `json:"im.signet.bind,omitzero"`
	Caller      string          `json:"im.signet.caller"`
	UserID      matrix.UserID   `json:"im.signet.user_id,omitzero"`
}

// GET /_matrix/identity/v2/3pid/getValidated3pid
func (a *API) getValidated3pid(c echo.Context, who caller.Caller) error {
	sid, err := mxhttp.Query(c, "sid")
	if err != nil {
		return err
	}
	secret, err := mxhttp.Query(c, "client_secret")
	if err != nil {
		return err
	}
	credentials := verify.Credentials{SID: sid, ClientSecret: secret}
	proof, err := a.Verifier.Prove(c.Request().Context(), credentials, callerOf(who))
	if err != nil {
		return err
	}
	purpose, bind := proof.Purpose().Named()
	return mxhttp.Reply(c, http.StatusOK, validated{
		Medium:      proof.Address().Medium(),
		Address:     proof.Address().String(),
		ValidatedAt: proof.ValidatedAt().UnixMilli(),
		Purpose:     purpose,
		Bind:        bind,
		Caller:      proof.Caller().Asker(),
		UserID:      proof.User(),
	})
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
	proof, err := a.Verifier.ProveToBind(c.Request().Context(), credentials, user)
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
	body, err := mxhttp.Body(c) // a homeserver's signature covers it as sent
	if err != nil {
		return err
	}
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
	if err := a.mayUnbind(c, r, address, user, body); err != nil {
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
	if err := proof.For(verify.Verify, verify.Add, verify.Manage); err != nil {
		return err
	}
	if proof.Address() != address {
		return forbidden("the session is for another address")
	}
	return nil
}

// mayUnbindUser lets in the user's homeserver, and asks no other server for its keys.
func (a *API) mayUnbindUser(c echo.Context, user matrix.UserID, body []byte) error {
	if len(authorizations(c)) == 0 {
		return forbidden("only the user's own homeserver, or the owner of the address, can unbind it")
	}
	_, err := a.signer(c, user.Server(), func() ([]byte, error) { return body, nil })
	return err
}
