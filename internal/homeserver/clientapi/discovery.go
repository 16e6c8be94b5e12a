package clientapi

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/mxhttp"
)

// supported is the versions of the specification whose rules the routes keep: all
// since paths began with r0, which are served beside those of today.
var supported = []string{
	"r0.0.1", "r0.1.0", "r0.2.0", "r0.3.0", "r0.4.0", "r0.5.0", "r0.6.0", "r0.6.1",
	"v1.1", "v1.2", "v1.3", "v1.4", "v1.5", "v1.6", "v1.7", "v1.8", "v1.9", "v1.10",
	"v1.11", "v1.12", "v1.13", "v1.14", "v1.15", "v1.16", "v1.17", "v1.18", "v1.19",
}

type versionsAnswer struct {
	Versions         []string        `json:"versions"`
	UnstableFeatures map[string]bool `json:"unstable_features"`
}

// GET /_matrix/client/versions
func (a *API) versions(c echo.Context) error {
	return mxhttp.Reply(c, http.StatusOK, versionsAnswer{supported, map[string]bool{}})
}

type baseURL struct {
	BaseURL string `json:"base_url"`
}

type wellKnownClientAnswer struct {
	Homeserver     baseURL  `json:"m.homeserver"`
	IdentityServer *baseURL `json:"m.identity_server,omitempty"`
}

// GET /.well-known/matrix/client
func (a *API) wellKnownClient(c echo.Context) error {
	return mxhttp.Reply(c, http.StatusOK, a.clientDiscovery())
}

func (a *API) clientDiscovery() wellKnownClientAnswer {
	answer := wellKnownClientAnswer{Homeserver: baseURL{a.PublicURL}}
	if a.IdentityServer != "" {
		answer.IdentityServer = &baseURL{a.IdentityServer}
	}
	return answer
}

type wellKnownServerAnswer struct {
	Server string `json:"m.server"`
}

// GET /.well-known/matrix/server
func (a *API) wellKnownServer(c echo.Context) error {
	return mxhttp.Reply(c, http.StatusOK, wellKnownServerAnswer{a.Federation})
}
