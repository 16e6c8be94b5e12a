package clientapi

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/mxhttp"
)

// supported is the versions of the specification by which clients may judge what is here.
// It ends before the first that brought something which is not: v1.2 the hierarchy of
// spaces, v1.3 relations, v1.4 threads, v1.7 and v1.11 media (docs/homeserver.md).
var supported = []string{"r0.5.0", "r0.6.0", "r0.6.1", "v1.1"}

// features are what is here of later versions and clients ask for by name, as they did
// before the specification had it.
var features = map[string]bool{
	"org.matrix.msc2285.stable": true, // private read receipts, of v1.4
	"org.matrix.msc3771":        true, // receipts of threads, of v1.4
	"org.matrix.msc3773":        true, // what is unread of threads, of v1.4
	"org.matrix.msc3827.stable": true, // public rooms by their type, of v1.4
	"uk.tcpip.msc4133.stable":   true, // any field of profiles, of v1.16
}

type versionsAnswer struct {
	Versions         []string        `json:"versions"`
	UnstableFeatures map[string]bool `json:"unstable_features"`
}

// GET /_matrix/client/versions
func (a *API) versions(c echo.Context) error {
	return mxhttp.Reply(c, http.StatusOK, versionsAnswer{supported, features})
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
