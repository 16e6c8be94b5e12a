package fedapi

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/mxhttp"
)

type versionAnswer struct {
	Server serverVersion `json:"server"`
}

type serverVersion struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// GET /_matrix/federation/v1/version
func (a *API) version(c echo.Context) error {
	return mxhttp.Reply(c, http.StatusOK, versionAnswer{serverVersion{Name: "Signet", Version: a.Version}})
}
