package clientapi

import (
	"net/http"

	"signet/internal/homeserver/account"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// API answers the client-server API.
type API struct {
	Accounts   *account.Accounts
	ServerName matrix.ServerName
	// PublicURL is where clients reach this API.
	PublicURL string
	// IdentityServer is the URL of the identity server that clients are told of;
	// empty tells of none.
	IdentityServer string
	// Federation is the host and port where other servers reach this one.
	Federation string
}

// Routes is the table of everything the API answers.
func (a *API) Routes() []mxhttp.Route {
	const v3 = "/_matrix/client/v3"
	return []mxhttp.Route{
		{Method: http.MethodGet, Path: "/.well-known/matrix/client", Handler: a.wellKnownClient},
		{Method: http.MethodGet, Path: "/.well-known/matrix/server", Handler: a.wellKnownServer},
		{Method: http.MethodGet, Path: "/_matrix/client/versions", Handler: a.versions},
		{Method: http.MethodPost, Path: v3 + "/register", Handler: a.register},
		{Method: http.MethodGet, Path: v3 + "/login", Handler: a.loginFlows},
		{Method: http.MethodPost, Path: v3 + "/login", Handler: a.login},
		{Method: http.MethodPost, Path: v3 + "/logout", Handler: a.authenticated(a.logout)},
		{Method: http.MethodPost, Path: v3 + "/logout/all", Handler: a.authenticated(a.logoutAll)},
		{Method: http.MethodGet, Path: v3 + "/account/whoami", Handler: a.authenticated(a.whoami)},
		{Method: http.MethodPost, Path: v3 + "/user/:userId/openid/request_token", Handler: a.authenticated(a.requestOpenID)},
	}
}
