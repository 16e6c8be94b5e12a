package clientapi

import (
	"net/http"

	"signet/internal/mxhttp"
)

// maxContent is the size in bytes of a body with an event's content: that of an event in
// any form, since spaces do not count (client-server API, "Size limits").
const maxContent = 256 << 10

// roomRoutes is the part of the table that is about rooms.
func (a *API) roomRoutes() []mxhttp.Route {
	const (
		v1   = "/_matrix/client/v1"
		v3   = "/_matrix/client/v3"
		room = v3 + "/rooms/:roomId"
	)
	return []mxhttp.Route{
		{Method: http.MethodPost, Path: v3 + "/createRoom", Handler: a.paced(byCreate, a.createRoom), MaxBody: maxContent},
		{Method: http.MethodGet, Path: v3 + "/joined_rooms", Handler: a.authenticated(a.joinedRooms)},
		{Method: http.MethodGet, Path: v1 + "/mutual_rooms", Handler: a.paced(bySearch, a.mutualRooms)},
		{Method: http.MethodPost, Path: v3 + "/join/:roomIdOrAlias", Handler: a.paced(byJoin, a.joinByName)},
		{Method: http.MethodPost, Path: v3 + "/knock/:roomIdOrAlias", Handler: a.paced(byJoin, a.knock)},
		{Method: http.MethodPost, Path: room + "/join", Handler: a.paced(byJoin, a.join)},
		{Method: http.MethodPost, Path: room + "/leave", Handler: a.paced(bySend, a.leave)},
		{Method: http.MethodPost, Path: room + "/invite", Handler: a.paced(byInvite, a.inviteSomebody)},
		{Method: http.MethodPost, Path: room + "/kick", Handler: a.paced(bySend, a.about(a.kick))},
		{Method: http.MethodPost, Path: room + "/ban", Handler: a.paced(bySend, a.about(a.ban))},
		{Method: http.MethodPost, Path: room + "/unban", Handler: a.paced(bySend, a.about(a.unban))},

		{Method: http.MethodPut, Path: room + "/send/:eventType/:txnId", Handler: a.paced(bySend, a.sendMessage), MaxBody: maxContent},
		{Method: http.MethodPut, Path: room + "/redact/:eventId/:txnId", Handler: a.paced(bySend, a.redact)},
		{Method: http.MethodPut, Path: room + "/state/:eventType", Handler: a.paced(bySend, a.putState), MaxBody: maxContent},
		{Method: http.MethodPut, Path: room + "/state/:eventType/", Handler: a.paced(bySend, a.putState), MaxBody: maxContent},
		{Method: http.MethodPut, Path: room + "/state/:eventType/:stateKey", Handler: a.paced(bySend, a.putState), MaxBody: maxContent},

		{Method: http.MethodGet, Path: room + "/state", Handler: a.authenticated(a.state)},
		{Method: http.MethodGet, Path: room + "/state/:eventType", Handler: a.authenticated(a.stateEvent)},
		{Method: http.MethodGet, Path: room + "/state/:eventType/", Handler: a.authenticated(a.stateEvent)},
		{Method: http.MethodGet, Path: room + "/state/:eventType/:stateKey", Handler: a.authenticated(a.stateEvent)},
		{Method: http.MethodGet, Path: room + "/event/:eventId", Handler: a.authenticated(a.event)},
		{Method: http.MethodGet, Path: room + "/members", Handler: a.authenticated(a.members)},
		{Method: http.MethodGet, Path: room + "/joined_members", Handler: a.authenticated(a.joinedMembers)},
		{Method: http.MethodGet, Path: room + "/messages", Handler: a.authenticated(a.messages)},
		{Method: http.MethodGet, Path: room + "/context/:eventId", Handler: a.authenticated(a.context)},
		{Method: http.MethodGet, Path: v1 + "/rooms/:roomId/timestamp_to_event", Handler: a.authenticated(a.eventAt)},

		{Method: http.MethodPost, Path: room + "/receipt/:receiptType/:eventId", Handler: a.paced(bySignal, a.sendReceipt)},
		{Method: http.MethodPost, Path: room + "/read_markers", Handler: a.paced(bySignal, a.setReadMarkers)},
		{Method: http.MethodPut, Path: room + "/typing/:userId", Handler: a.paced(bySignal, ofOwner(a.setTyping))},

		{Method: http.MethodPost, Path: room + "/forget", Handler: a.limitedTo(byWrite, a.forget)},
		{Method: http.MethodPost, Path: room + "/upgrade", Handler: a.paced(byCreate, a.upgrade)},
		{Method: http.MethodPost, Path: room + "/report", Handler: a.limitedTo(byReport, a.reportRoom)},
		{Method: http.MethodPost, Path: room + "/report/:eventId", Handler: a.limitedTo(byReport, a.reportEvent)},
		{Method: http.MethodGet, Path: room + "/aliases", Handler: a.authenticated(a.aliases)},
		{Method: http.MethodGet, Path: v3 + "/directory/room/:roomAlias", Handler: a.getAlias},
		{Method: http.MethodPut, Path: v3 + "/directory/room/:roomAlias", Handler: a.limitedTo(byWrite, a.putAlias)},
		{Method: http.MethodDelete, Path: v3 + "/directory/room/:roomAlias", Handler: a.limitedTo(byWrite, a.deleteAlias)},
		{Method: http.MethodGet, Path: v3 + "/directory/list/room/:roomId", Handler: a.getListed},
		{Method: http.MethodPut, Path: v3 + "/directory/list/room/:roomId", Handler: a.limitedTo(byWrite, a.putListed)},
		{Method: http.MethodGet, Path: v3 + "/publicRooms", Handler: a.publicRooms},
		{Method: http.MethodPost, Path: v3 + "/publicRooms", Handler: a.authenticated(a.searchPublicRooms)},
	}
}
