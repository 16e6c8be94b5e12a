package clientapi

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/inbound"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// What users do about rooms of other servers. Without Inbound there are none.

// maxVia is how many servers a client may name for a room.
const maxVia = 20

// via are the servers by which a client thinks that a room can be joined. server_name is
// what the parameter was called before.
func via(c echo.Context) (servers []matrix.ServerName) {
	for _, name := range append(c.QueryParams()["via"], c.QueryParams()["server_name"]...) {
		if server, err := matrix.ParseServerName(name); err == nil && len(servers) < maxVia {
			servers = append(servers, server)
		}
	}
	return servers
}

// enter is what joining, knocking and leaving are here or elsewhere.
func enter(elsewhere func(context.Context, inbound.Wish) error, via []matrix.ServerName) func(context.Context, room.Membership) error {
	return func(ctx context.Context, m room.Membership) error {
		return elsewhere(ctx, inbound.Wish{Membership: m, Via: via})
	}
}

func (a *API) joining(via []matrix.ServerName) func(context.Context, room.Membership) error {
	if a.Inbound == nil {
		return a.Rooms.Join
	}
	return enter(a.Inbound.Join, via)
}

func (a *API) knocking(via []matrix.ServerName) func(context.Context, room.Membership) error {
	if a.Inbound == nil {
		return a.Rooms.Knock
	}
	return enter(a.Inbound.Knock, via)
}

func (a *API) leaving() func(context.Context, room.Membership) error {
	if a.Inbound == nil {
		return a.Rooms.Leave
	}
	return enter(a.Inbound.Leave, nil)
}

// elsewhereAnswers is what the errors of rooms of other servers mean to a client.
var elsewhereAnswers = mxhttp.Answers{
	{inbound.ErrNoServer, http.StatusNotFound, matrix.NotFound},
	{inbound.ErrJoin, http.StatusBadGateway, matrix.Unknown},
	{inbound.ErrForeign, http.StatusBadGateway, matrix.Unknown},
	{inbound.ErrSignature, http.StatusBadGateway, matrix.Unknown},
	{room.ErrImport, http.StatusBadGateway, matrix.Unknown},
	{room.ErrOtherRoom, http.StatusBadGateway, matrix.Unknown},
	{event.ErrFormat, http.StatusBadGateway, matrix.Unknown}, // of what another server proposes, as all that follow
	{event.ErrEventID, http.StatusBadGateway, matrix.Unknown},
	{event.ErrRoomID, http.StatusBadGateway, matrix.Unknown},
	{event.ErrSender, http.StatusBadGateway, matrix.Unknown},
	{event.ErrDepth, http.StatusBadGateway, matrix.Unknown},
	{event.ErrPrevEvents, http.StatusBadGateway, matrix.Unknown},
	{event.ErrAuthEvents, http.StatusBadGateway, matrix.Unknown},
	{event.ErrReference, http.StatusBadGateway, matrix.Unknown},
	{event.ErrAuthoriser, http.StatusBadGateway, matrix.Unknown},
}
