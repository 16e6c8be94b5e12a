package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// GET /_matrix/identity/v2/pubkey/{keyId}
func (a *API) pubkey(c echo.Context) error {
	id, err := mxhttp.Segment(c, "keyId")
	if err != nil {
		return err
	}
	key, err := a.Keys.Public(c.Request().Context(), matrix.KeyID(id))
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, struct {
		PublicKey string `json:"public_key"`
	}{matrix.EncodeBase64(key)})
}

// GET /_matrix/identity/v2/pubkey/isvalid
func (a *API) pubkeyIsValid(c echo.Context) error {
	public, err := mxhttp.Query(c, "public_key")
	if err != nil {
		return err
	}
	valid, err := a.Keys.IsValid(c.Request().Context(), public)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, struct {
		Valid bool `json:"valid"`
	}{valid})
}
