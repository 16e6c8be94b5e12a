package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/caller"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/lookup"
)

// GET /_matrix/identity/v2/hash_details
func (a *API) hashDetails(c echo.Context, _ caller.Caller) error {
	d := a.Directory.Details()
	return mxhttp.Reply(c, http.StatusOK, struct {
		Algorithms []lookup.Algorithm `json:"algorithms"`
		Pepper     string             `json:"lookup_pepper"`
	}{d.Algorithms, d.Pepper})
}

type lookupRequest struct {
	Algorithm lookup.Algorithm `json:"algorithm" required:"true"`
	Pepper    string           `json:"pepper" required:"true"`
	Addresses []string         `json:"addresses" required:"true"`
}

// POST /_matrix/identity/v2/lookup
func (a *API) lookup(c echo.Context, _ caller.Caller) error {
	var r lookupRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	users, err := a.Directory.Lookup(c.Request().Context(), r.Algorithm, r.Pepper, r.Addresses)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, struct {
		Mappings map[string]matrix.UserID `json:"mappings"`
	}{users})
}
