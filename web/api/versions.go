package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/mxhttp"
	"signet/internal/threepid"
)

// versions are the releases of the specification whose v2 API we keep, but for
// what docs/divergences.md lists.
var versions = []string{
	"v1.1", "v1.2", "v1.3", "v1.4", "v1.5", "v1.6", "v1.7", "v1.8", "v1.9", "v1.10",
	"v1.11", "v1.12", "v1.13", "v1.14", "v1.15", "v1.16", "v1.17", "v1.18", "v1.19",
}

// GET /_matrix/identity/versions
func (a *API) versions(c echo.Context) error {
	return mxhttp.Reply(c, http.StatusOK, struct {
		Versions []string `json:"versions"`
	}{versions})
}

type pingAnswer struct {
	Media []threepid.Medium `json:"im.signet.media"` // to which this server sends codes
}

// GET /_matrix/identity/v2
func (a *API) ping(c echo.Context) error {
	return mxhttp.Reply(c, http.StatusOK, pingAnswer{a.Verifier.Media()})
}
