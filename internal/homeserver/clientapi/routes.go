package clientapi

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/contact"
	"signet/internal/homeserver/departure"
	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/e2ee/roomkeys"
	"signet/internal/homeserver/inbound"
	"signet/internal/homeserver/keycheck"
	"signet/internal/homeserver/publication"
	"signet/internal/homeserver/receipt"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/sso"
	"signet/internal/homeserver/sync"
	"signet/internal/homeserver/thirdparty"
	"signet/internal/homeserver/turn"
	"signet/internal/homeserver/typing"
	"signet/internal/homeserver/userdata"
	"signet/internal/homeserver/userdirectory"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/quota"
)

// API answers the client-server API.
type API struct {
	Accounts   *account.Accounts
	Rooms      *room.Rooms
	Inbound    *inbound.Inbound // rooms of other servers; nil knows none
	Receipts   *receipt.Receipts
	Typing     *typing.Typing
	Encryption *e2ee.Encryption
	Backups    *roomkeys.Backups
	Data       *userdata.Data
	Sync       *sync.Syncer
	Departures *departure.Departures
	Quota      *quota.Quota // of Budgets; nil limits nothing
	Meter      *quota.Meter // of Paces; nil limits nothing
	Remote     Remote       // nil: no other server is asked
	ServerName matrix.ServerName
	// PublicURL is where clients reach this API.
	PublicURL string
	// IdentityServer is the URL of the identity server that clients are told of;
	// empty tells of none.
	IdentityServer string
	Identity       *idclient.Client // asks identity servers
	Trusted        idclient.Trusted // those that it may ask
	Contacts       *contact.Contacts
	People         *userdirectory.Directory
	Publications   *publication.Publications
	// Checks are of keys that stand in the key directory; nil: there is none.
	Checks *keycheck.Checks
	// ThirdParty invites people by their addresses; nil does not.
	ThirdParty *thirdparty.Invites
	// Logins are those by a code; nil is none.
	Logins *sso.Logins
	// GrantTokens has a device that is logged in let another one in.
	GrantTokens bool
	// Federation is the host and port where other servers reach this one.
	Federation   string
	RoomVersions RoomVersions
	// TURN is the server that relays calls; nil is none.
	TURN *turn.Server
	Now  func() time.Time
}

const (
	v1 = "/_matrix/client/v1"
	v3 = "/_matrix/client/v3"
	r0 = "/_matrix/client/r0" // as v3 was called before, and some clients call it still
)

// Routes is the table of everything the API answers.
func (a *API) Routes() []mxhttp.Route {
	routes := slices.Concat(a.discoveryRoutes(), a.accountRoutes(), a.stageRoutes(), a.ssoRoutes(), a.contactRoutes(), a.deviceRoutes(), a.dataRoutes(), a.directoryRoutes(), a.pushRoutes(), a.encryptionRoutes(), a.keyDirectoryRoutes(), a.roomRoutes(), a.syncRoutes())
	for _, r := range routes {
		if rest, current := strings.CutPrefix(r.Path, v3); current {
			r.Path = r0 + rest
			routes = append(routes, r)
		}
	}
	return routes
}

func (a *API) discoveryRoutes() []mxhttp.Route {
	return []mxhttp.Route{
		{Method: http.MethodGet, Path: "/.well-known/matrix/client", Handler: a.wellKnownClient},
		{Method: http.MethodGet, Path: "/.well-known/matrix/server", Handler: a.wellKnownServer},
		{Method: http.MethodGet, Path: "/_matrix/client/versions", Handler: a.versions},
		{Method: http.MethodGet, Path: v3 + "/capabilities", Handler: a.authenticated(a.capabilities)},
		{Method: http.MethodGet, Path: v3 + "/voip/turnServer", Handler: a.authenticated(a.turnServer)},
	}
}

func (a *API) accountRoutes() []mxhttp.Route {
	return []mxhttp.Route{
		{Method: http.MethodPost, Path: v3 + "/register", Handler: a.limited(byPoll, a.register)},
		{Method: http.MethodGet, Path: v3 + "/register/available", Handler: a.limited(byGuess, a.available)},
		{Method: http.MethodGet, Path: v1 + "/register/m.login.registration_token/validity", Handler: a.limited(byGuess, a.tokenValidity)},
		{Method: http.MethodGet, Path: "/_synapse/admin/v1/register", Handler: a.limited(byRegister, a.nonce)},
		{Method: http.MethodPost, Path: "/_synapse/admin/v1/register", Handler: a.limited(byRegister, a.registerShared)},
		{Method: http.MethodGet, Path: v3 + "/login", Handler: a.loginFlows},
		{Method: http.MethodPost, Path: v3 + "/login", Handler: a.limited(byLogin, a.login)},
		{Method: http.MethodPost, Path: v1 + "/login/get_token", Handler: a.limitedTo(byGrant, a.grantToken)},
		{Method: http.MethodPost, Path: v3 + "/refresh", Handler: a.limited(byRefresh, a.refresh)},
		{Method: http.MethodPost, Path: v3 + "/logout", Handler: a.authenticated(a.logout)},
		{Method: http.MethodPost, Path: v3 + "/logout/all", Handler: a.authenticated(a.logoutAll)},
		{Method: http.MethodGet, Path: v3 + "/account/whoami", Handler: a.authenticated(a.whoami)},
		{Method: http.MethodPost, Path: v3 + "/account/password", Handler: a.changePassword},
		{Method: http.MethodPost, Path: v3 + "/account/deactivate", Handler: a.limitedTo(byConfirm, a.deactivate)},
		{Method: http.MethodPost, Path: v3 + "/user/:userId/openid/request_token", Handler: a.limitedTo(byWrite, a.requestOpenID)},
	}
}

func (a *API) deviceRoutes() []mxhttp.Route {
	return []mxhttp.Route{
		{Method: http.MethodGet, Path: v3 + "/devices", Handler: a.authenticated(a.devices)},
		{Method: http.MethodGet, Path: v3 + "/devices/:deviceId", Handler: a.authenticated(a.device)},
		{Method: http.MethodPut, Path: v3 + "/devices/:deviceId", Handler: a.limitedTo(byWrite, a.renameDevice)},
		{Method: http.MethodDelete, Path: v3 + "/devices/:deviceId", Handler: a.limitedTo(byConfirm, a.deleteDevice)},
		{Method: http.MethodPost, Path: v3 + "/delete_devices", Handler: a.limitedTo(byConfirm, a.deleteDevices)},
	}
}

func (a *API) dataRoutes() []mxhttp.Route {
	const user, room = v3 + "/user/:userId", v3 + "/user/:userId/rooms/:roomId"
	return []mxhttp.Route{
		{Method: http.MethodGet, Path: v3 + "/profile/:userId", Handler: a.profile},
		{Method: http.MethodGet, Path: v3 + "/profile/:userId/:keyName", Handler: a.profileField},
		{Method: http.MethodPut, Path: v3 + "/profile/:userId/:keyName", Handler: a.limitedTo(byWrite, ofOwner(a.setProfileField))},
		{Method: http.MethodDelete, Path: v3 + "/profile/:userId/:keyName", Handler: a.limitedTo(byWrite, ofOwner(a.deleteProfileField))},
		{Method: http.MethodPost, Path: user + "/filter", Handler: a.limitedTo(byWrite, ofOwner(a.addFilter))},
		{Method: http.MethodGet, Path: user + "/filter/:filterId", Handler: a.authenticated(ofOwner(a.filter))},
		{Method: http.MethodGet, Path: user + "/account_data/:type", Handler: a.authenticated(ofOwner(a.accountData))},
		{Method: http.MethodPut, Path: user + "/account_data/:type", Handler: a.limitedTo(byWrite, ofOwner(a.setAccountData)), MaxBody: userdata.MaxContent},
		{Method: http.MethodGet, Path: room + "/account_data/:type", Handler: a.authenticated(ofOwner(a.accountData))},
		{Method: http.MethodPut, Path: room + "/account_data/:type", Handler: a.limitedTo(byWrite, ofOwner(a.setAccountData)), MaxBody: userdata.MaxContent},
		{Method: http.MethodGet, Path: room + "/tags", Handler: a.authenticated(ofOwner(a.tags))},
		{Method: http.MethodPut, Path: room + "/tags/:tag", Handler: a.limitedTo(byWrite, ofOwner(a.setTag))},
		{Method: http.MethodDelete, Path: room + "/tags/:tag", Handler: a.limitedTo(byWrite, ofOwner(a.deleteTag))},
	}
}
