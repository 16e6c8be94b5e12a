package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"signet/internal/caller"
	"signet/internal/mxhttp"
	"signet/keys"
	"signet/keys/notary"
	"signet/keys/people"
	"signet/keys/proof"
	"signet/lookup"
	"signet/lookup/invite"
	"signet/lookup/notice"
	"signet/verify"
)

// API answers the identity service API from its domains.
type API struct {
	Gate      *caller.Gate
	Verifier  *verify.Verifier
	Directory *lookup.Directory
	Invites   *invite.Invites
	Notices   *notice.Notices
	Keys      *keys.Server
	People    *people.People
	Logs      map[string]KeyLog // by the names that their paths have
	Notary    *notary.Notary    // nil: not served
	Logged    *notary.Notary    // has the policy logged; nil: nobody has
	// Servers is the trust root of the log of servers' keys; nil: there is none.
	Servers func(ctx context.Context) (proof.LogConfig, error)
	// PublicURL is where clients reach this server, without a slash at the end.
	PublicURL string
	// ChallengeURL is the address of a CAPTCHA's page; its picture and sound are below.
	ChallengeURL func(id string) string
	// SealPatience is how long a client that asks for it waits for the proof of what it
	// publishes; 0: five seconds.
	SealPatience time.Duration
}

// maxLookupBody holds lookup.MaxAddresses hashes with room for white space.
const maxLookupBody = 1 << 20

const (
	v2 = "/_matrix/identity/v2"
	// What is published in rooms for whoever checks a key.
	pubkeyIsValidPath    = v2 + "/pubkey/isvalid"
	ephemeralIsValidPath = v2 + "/pubkey/ephemeral/isvalid"

	invitationsPath = "/_signet/v1/invitations"

	keyAPI = "/_matrix/key/v2"
)

// Routes is the table of routes.
func (a *API) Routes() []mxhttp.Route {
	if a.Notary == nil {
		return a.identityRoutes()
	}
	return slices.Concat(a.identityRoutes(), a.notaryRoutes())
}

// notaryRoutes is the part of the server-server API that tells servers of keys. Anybody may
// ask.
func (a *API) notaryRoutes() []mxhttp.Route {
	return []mxhttp.Route{
		{Method: http.MethodGet, Path: keyAPI + "/server", Handler: a.ownKeys},
		{Method: http.MethodGet, Path: keyAPI + "/query/:serverName", Handler: a.keysOfServer},
		{Method: http.MethodGet, Path: keyAPI + "/query/:serverName/:keyId", Handler: a.keysOfServer},
		{Method: http.MethodPost, Path: keyAPI + "/query", Handler: a.keysOfServers, MaxBody: maxKeysQueryBody},
		{Method: http.MethodGet, Path: keysPath + "/servers/:serverName", Handler: a.pastOfServer},
	}
}

func (a *API) identityRoutes() []mxhttp.Route {
	return []mxhttp.Route{
		{Method: http.MethodGet, Path: "/_matrix/identity/versions", Handler: a.versions},
		{Method: http.MethodGet, Path: v2, Handler: a.ping},

		{Method: http.MethodPost, Path: v2 + "/account/register", Handler: a.register},
		{Method: http.MethodGet, Path: v2 + "/account", Handler: a.forAccount(a.account)},
		{Method: http.MethodPost, Path: v2 + "/account/logout", Handler: a.logout},

		{Method: http.MethodGet, Path: v2 + "/terms", Handler: a.terms},
		{Method: http.MethodPost, Path: v2 + "/terms", Handler: a.forAnyAccount(a.acceptTerms)},

		{Method: http.MethodGet, Path: pubkeyIsValidPath, Handler: a.pubkeyIsValid},
		{Method: http.MethodGet, Path: ephemeralIsValidPath, Handler: a.ephemeralIsValid},
		{Method: http.MethodGet, Path: v2 + "/pubkey/:keyId", Handler: a.pubkey},

		{Method: http.MethodGet, Path: v2 + "/hash_details", Handler: a.forCaller(a.hashDetails)},
		{Method: http.MethodPost, Path: v2 + "/lookup", Handler: a.forCaller(a.lookup), MaxBody: maxLookupBody},

		{Method: http.MethodPost, Path: v2 + "/validate/email/requestToken", Handler: a.forCaller(a.emailRequestToken)},
		{Method: http.MethodPost, Path: v2 + "/validate/email/submitToken", Handler: a.forCaller(a.submitToken)},
		{Method: http.MethodPost, Path: v2 + "/validate/msisdn/requestToken", Handler: a.forCaller(a.msisdnRequestToken)},
		{Method: http.MethodPost, Path: v2 + "/validate/msisdn/submitToken", Handler: a.forCaller(a.submitToken)},

		{Method: http.MethodGet, Path: v2 + "/3pid/getValidated3pid", Handler: a.forCaller(a.getValidated3pid)},
		{Method: http.MethodPost, Path: v2 + "/3pid/bind", Handler: a.forAccount(a.bind)},
		{Method: http.MethodPost, Path: v2 + "/3pid/unbind", Handler: a.unbind},

		{Method: http.MethodPost, Path: v2 + "/store-invite", Handler: a.forCaller(a.storeInvite)},
		{Method: http.MethodPost, Path: v2 + "/sign-ed25519", Handler: a.forCaller(a.signInvite)},
		{Method: http.MethodGet, Path: invitationsPath, Handler: a.forAccount(a.listInvites)},
		{Method: http.MethodPost, Path: invitationsPath + "/:id/resend", Handler: a.forAccount(a.resendInvite)},
		{Method: http.MethodDelete, Path: invitationsPath + "/:id", Handler: a.forAccount(a.revokeInvite)},

		{Method: http.MethodGet, Path: policyPath, Handler: a.policy},
		{Method: http.MethodGet, Path: keysPath + "/config", Handler: a.keysConfig},
		{Method: http.MethodPost, Path: keysPath + "/lookup", Handler: a.forCaller(a.keysLookup)},
		{Method: http.MethodPost, Path: keysPath + "/publish", Handler: a.forCaller(a.keysPublish)},
		{Method: http.MethodPost, Path: keysPath + "/revoke", Handler: a.keysRevoke},
		{Method: http.MethodPost, Path: keysPath + "/object", Handler: a.keysObject},
		{Method: http.MethodPost, Path: keysPath + "/history", Handler: compressed(a.forAccount(a.keysHistory))},
		{Method: http.MethodPost, Path: keysPath + "/monitor", Handler: compressed(a.forAccount(a.keysMonitor))},
		{Method: http.MethodDelete, Path: keysPath + "/subject", Handler: a.forAnyAccount(a.keysErase)},
		{Method: http.MethodGet, Path: logPath + "/checkpoint", Handler: a.logCheckpoint},
		{Method: http.MethodGet, Path: logPath + "/tile/*", Handler: a.logTile},
		{Method: http.MethodPost, Path: "/_signet/v1/whoami", Handler: a.forCaller(a.whoami)},
		// Who has not accepted new terms yet may see and take back what is stored all the same.
		{Method: http.MethodGet, Path: mePath, Handler: a.forAnyAccount(a.me)},
		{Method: http.MethodDelete, Path: mePath, Handler: a.forAnyAccount(a.eraseMe)},
		{Method: http.MethodPost, Path: mePath + "/unbind", Handler: a.forAnyAccount(a.unbindMine)},
		{Method: http.MethodPost, Path: "/_signet/v1/users/bind", Handler: a.forHomeserver(a.bindUser)},
		{Method: http.MethodPost, Path: "/_signet/v1/users/unbind", Handler: a.forHomeserver(a.unbindUser)},
		{Method: http.MethodPost, Path: "/_signet/v1/users/erase-keys", Handler: a.forHomeserver(a.eraseKeysOfUser)},
		{Method: http.MethodPost, Path: "/_signet/v1/notices", Handler: a.forHomeserver(a.notice)},
		{Method: http.MethodPost, Path: captchaPath, Handler: a.forHomeserver(a.newChallenge)},
		{Method: http.MethodPost, Path: captchaPath + "/:id/check", Handler: a.forHomeserver(a.checkChallenge)},
	}
}

// empty is the answer that says no more than "done".
type empty struct{}
