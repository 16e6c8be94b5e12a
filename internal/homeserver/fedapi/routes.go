package fedapi

import (
	"net/http"
	"time"

	"signet/internal/crowd"
	"signet/internal/homeserver/account"
	"signet/internal/homeserver/blocklist"
	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/inbound"
	"signet/internal/homeserver/notary"
	"signet/internal/homeserver/resident"
	"signet/internal/homeserver/thirdparty"
	"signet/internal/homeserver/transaction"
	"signet/internal/homeserver/userdata"
	"signet/internal/keyring"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/quota"
)

// API answers the server-server API.
type API struct {
	Data         *userdata.Data
	Encryption   *e2ee.Encryption
	Accounts     *account.Accounts
	Keys         *keyring.Ring // our own
	ServerKeys   Keys          // those of other servers
	Peers        Peers         // nil: nobody is told
	Rooms        *resident.Resident
	Transactions *transaction.Desk
	Quota        *quota.Quota // nil: no limits
	Notary       *notary.Notary
	Blocked      *blocklist.List // nil turns nobody away
	Inbound      *inbound.Inbound
	ThirdParty   *thirdparty.Invites
	ServerName   matrix.ServerName
	Version      string // of this program
	Now          func() time.Time

	crowd crowd.Crowd // those who are being answered
}

// Where the paths begin.
const (
	keyV2 = "/_matrix/key/v2"
	v1    = "/_matrix/federation/v1"
	v2    = "/_matrix/federation/v2"
)

// maxEvent is the size of a body that is one event, in whatever form its 64 KiB are written.
const maxEvent = 256 << 10

// Routes is the table of everything the API answers.
func (a *API) Routes() []mxhttp.Route {
	all := []mxhttp.Route{
		{Method: http.MethodGet, Path: keyV2 + "/server", Handler: a.serverKeys},
		{Method: http.MethodGet, Path: keyV2 + "/query/:serverName", Handler: a.queryServer},
		{Method: http.MethodPost, Path: keyV2 + "/query", Handler: a.queryServers},
		{Method: http.MethodGet, Path: v1 + "/version", Handler: a.version},
		{Method: http.MethodGet, Path: v1 + "/openid/userinfo", Handler: a.userInfo},
		{Method: http.MethodPut, Path: v1 + "/3pid/onbind", Handler: a.onBind, MaxBody: maxOnBind},
		{Method: http.MethodPost, Path: v1 + "/3pid/onbind", Handler: a.onBind, MaxBody: maxOnBind},
	}
	for _, r := range a.signedRoutes() {
		all = append(all, mxhttp.Route{Method: r.method, Path: r.path, MaxBody: r.maxBody, Handler: a.signed(r)})
	}
	return all
}

// signedRoute is a line of the table of what another server must have signed.
type signedRoute struct {
	method, path string
	handler      originHandler
	maxBody      int64 // 0 is that of mxhttp.Options
	large        bool  // it moves much
	budget       budget
}

func (a *API) signedRoutes() []signedRoute {
	return []signedRoute{
		{http.MethodPut, v1 + "/send/:txnId", a.send, maxTransaction, true, ""},

		{http.MethodGet, v1 + "/event/:eventId", a.event, 0, false, ""},
		{http.MethodGet, v1 + "/state/:roomId", a.state, 0, true, ""},
		{http.MethodGet, v1 + "/state_ids/:roomId", a.stateIDs, 0, true, ""},
		{http.MethodGet, v1 + "/event_auth/:roomId/:eventId", a.eventAuth, 0, true, ""},
		{http.MethodGet, v1 + "/backfill/:roomId", a.backfill, 0, false, ""},
		{http.MethodPost, v1 + "/get_missing_events/:roomId", a.missing, 0, false, ""},
		{http.MethodGet, v1 + "/timestamp_to_event/:roomId", a.timestampToEvent, 0, false, ""},

		{http.MethodGet, v1 + "/make_join/:roomId/:userId", a.welcome(a.make(resident.Join)), 0, false, byHandshake},
		{http.MethodPut, v1 + "/send_join/:roomId/:eventId", a.welcome(a.sendJoinV1), maxEvent, true, byHandshake},
		{http.MethodPut, v2 + "/send_join/:roomId/:eventId", a.welcome(a.sendJoin), maxEvent, true, byHandshake},
		{http.MethodGet, v1 + "/make_leave/:roomId/:userId", a.make(resident.Leave), 0, false, byHandshake},
		{http.MethodPut, v1 + "/send_leave/:roomId/:eventId", a.sendLeaveV1, maxEvent, false, byHandshake},
		{http.MethodPut, v2 + "/send_leave/:roomId/:eventId", a.sendLeave, maxEvent, false, byHandshake},
		{http.MethodGet, v1 + "/make_knock/:roomId/:userId", a.welcome(a.make(resident.Knock)), 0, false, byHandshake},
		{http.MethodPut, v1 + "/send_knock/:roomId/:eventId", a.welcome(a.sendKnock), maxEvent, false, byHandshake},
		{http.MethodPut, v1 + "/invite/:roomId/:eventId", a.welcome(a.inviteV1), maxInvite, false, byInvite},
		{http.MethodPut, v2 + "/invite/:roomId/:eventId", a.welcome(a.invite), maxInvite, false, byInvite},
		{http.MethodPut, v1 + "/exchange_third_party_invite/:roomId", a.welcome(a.exchange), maxEvent, false, byInvite},

		{http.MethodGet, v1 + "/query/profile", a.welcome(a.queryProfile), 0, false, ""},
		{http.MethodGet, v1 + "/query/directory", a.welcome(a.queryDirectory), 0, false, ""},
		{http.MethodGet, v1 + "/publicRooms", a.welcome(a.publicRooms), 0, false, ""},
		{http.MethodPost, v1 + "/publicRooms", a.welcome(a.searchPublicRooms), 0, false, ""},
		{http.MethodGet, v1 + "/user/devices/:userId", a.userDevices, 0, false, ""},
		{http.MethodPost, v1 + "/user/keys/query", a.queryKeys, maxKeys, false, ""},
		{http.MethodPost, v1 + "/user/keys/claim", a.claimKeys, maxKeys, false, byClaim},
	}
}
