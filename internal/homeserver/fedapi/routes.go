package fedapi

import (
	"net/http"
	"time"

	"signet/internal/homeserver/account"
	"signet/internal/keyring"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// API answers the server-server API.
type API struct {
	Accounts   *account.Accounts
	Keys       *keyring.Ring
	ServerName matrix.ServerName
	Version    string // of this program
	Now        func() time.Time
}

// Routes is the table of everything the API answers.
func (a *API) Routes() []mxhttp.Route {
	return []mxhttp.Route{
		{Method: http.MethodGet, Path: "/_matrix/key/v2/server", Handler: a.serverKeys},
		{Method: http.MethodGet, Path: "/_matrix/federation/v1/version", Handler: a.version},
		{Method: http.MethodGet, Path: "/_matrix/federation/v1/openid/userinfo", Handler: a.userInfo},
	}
}
