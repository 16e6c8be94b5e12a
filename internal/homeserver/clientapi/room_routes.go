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
		{Method: http.MethodPost, Path: v3 + "/createRoom", Handler: a.authenticated(a.createRoom), MaxBody: maxContent},
		{Method: http.MethodGet, Path: v3 + "/joined_rooms", Handler: a.authenticated(a.joinedRooms)},
		{Method: http.MethodPost, Path: v3 + "/join/:roomIdOrAlias", Handler: a.authenticated(a.joinByName)},
		{Method: http.MethodPost, Path: v3 + "/knock/:roomIdOrAlias", Handler: a.authenticated(a.knock)},
		{Method: http.MethodPost, Path: room + "/join", Handler: a.authenticated(a.join)},
		{Method: http.MethodPost, Path: room + "/leave", Handler: a.authenticated(a.leave)},
		{Method: http.MethodPost, Path: room + "/invite", Handler: a.authenticated(a.about(a.invite))},
		{Method: http.MethodPost, Path: room + "/kick", Handler: a.authenticated(a.about(a.kick))},
		{Method: http.MethodPost, Path: room + "/ban", Handler: a.authenticated(a.about(a.ban))},
		{Method: http.MethodPost, Path: room + "/unban", Handler: a.authenticated(a.about(a.unban))},

		{Method: http.MethodPut, Path: room + "/send/:eventType/:txnId", Handler: a.authenticated(a.sendMessage), MaxBody: maxContent},
		{Method: http.MethodPut, Path: room + "/redact/:eventId/:txnId", Handler: a.authenticated(a.redact)},
		{Method: http.MethodPut, Path: room + "/state/:eventType", Handler: a.authenticated(a.putState), MaxBody: maxContent},
		{Method: http.MethodPut, Path: room + "/state/:eventType/", Handler: a.authenticated(a.putState), MaxBody: maxContent},
		{Method: http.MethodPut, Path: room + "/state/:eventType/:stateKey", Handler: a.authenticated(a.putState), MaxBody: maxContent},

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

		{Method: http.MethodPost, Path: room + "/receipt/:receiptType/:eventId", Handler: a.limitedTo(bySignal, a.sendReceipt)},
		{Method: http.MethodPost, Path: room + "/read_markers", Handler: a.limitedTo(bySignal, a.setReadMarkers)},
		{Method: http.MethodPut, Path: room + "/typing/:userId", Handler: a.limitedTo(bySignal, ofOwner(a.setTyping))},

		{Method: http.MethodPost, Path: room + "/forget", Handler: a.authenticated(a.forget)},
		{Method: http.MethodPost, Path: room + "/upgrade", Handler: a.authenticated(a.upgrade)},
		{Method: http.MethodPost, Path: room + "/report", Handler: a.authenticated(a.reportRoom)},
		{Method: http.MethodPost, Path: room + "/report/:eventId", Handler: a.authenticated(a.reportEvent)},
		{Method: http.MethodGet, Path: room + "/aliases", Handler: a.authenticated(a.aliases)},
		{Method: http.MethodGet, Path: v3 + "/directory/room/:roomAlias", Handler: a.getAlias},
		{Method: http.MethodPut, Path: v3 + "/directory/room/:roomAlias", Handler: a.authenticated(a.putAlias)},
		{Method: http.MethodDelete, Path: v3 + "/directory/room/:roomAlias", Handler: a.authenticated(a.deleteAlias)},
		{Method: http.MethodGet, Path: v3 + "/directory/list/room/:roomId", Handler: a.getListed},
		{Method: http.MethodPut, Path: v3 + "/directory/list/room/:roomId", Handler: a.authenticated(a.putListed)},
		{Method: http.MethodGet, Path: v3 + "/publicRooms", Handler: a.publicRooms},
		{Method: http.MethodPost, Path: v3 + "/publicRooms", Handler: a.authenticated(a.searchPublicRooms)},
	}
}
