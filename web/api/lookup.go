package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/caller"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/lookup"
	"signet/lookup/discovery"
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
func (a *API) lookup(c echo.Context, who caller.Caller) error {
	var r lookupRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	answer, err := a.Directory.Lookup(c.Request().Context(), lookup.Question{
		Algorithm: r.Algorithm, Pepper: r.Pepper, Addresses: r.Addresses, Asker: askerOf(c, who),
	})
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, struct {
		Mappings  map[string]matrix.UserID `json:"mappings"`
		Truncated int                      `json:"im.signet.truncated,omitzero"`
	}{answer.Users, answer.Truncated})
}

// askerOf is on whose account somebody is told who is behind an address.
func askerOf(c echo.Context, who caller.Caller) discovery.Asker {
	return discovery.Asker{Account: who.User, Homeserver: who.Homeserver, Client: mxhttp.ClientAddr(c)}
}
