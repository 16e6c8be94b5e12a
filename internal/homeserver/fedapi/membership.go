package fedapi

import (
	"context"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/resident"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

type templateAnswer struct {
	Version string         `json:"room_version"`
	Event   jsontext.Value `json:"event"`
}

// make answers how a user of another server changes their membership:
//
//	GET /_matrix/federation/v1/make_join/{roomId}/{userId}
//	GET /_matrix/federation/v1/make_leave/{roomId}/{userId}
//	GET /_matrix/federation/v1/make_knock/{roomId}/{userId}
func (a *API) make(change resident.Change) originHandler {
	return func(c echo.Context, origin matrix.ServerName) error {
		roomID, user, err := segments(c, "roomId", "userId")
		if err != nil {
			return err
		}
		versions := []string{"1"} // by default
		if c.QueryParams().Has("ver") {
			if versions, err = list(c, "ver"); err != nil {
				return err
			}
		}
		template, version, err := a.Rooms.Propose(c.Request().Context(),
			resident.Proposal{Server: origin, Room: roomID, User: user, Change: change, Versions: versions})
		if err != nil {
			return err
		}
		return mxhttp.Reply(c, http.StatusOK, templateAnswer{version.String(), template})
	}
}

// signedMembership reads what another server has signed.
func signedMembership(c echo.Context, origin matrix.ServerName, change resident.Change) (s resident.Signed, err error) {
	s = resident.Signed{Server: origin, Change: change}
	if s.Room, s.EventID, err = segments(c, "roomId", "eventId"); err != nil {
		return s, err
	}
	s.Event, err = content(c)
	return s, err
}

// PUT /_matrix/federation/v2/send_join/{roomId}/{eventId}
func (a *API) sendJoin(c echo.Context, origin matrix.ServerName) error {
	in, err := a.join(c, origin)
	if err != nil {
		return err
	}
	return streamed(c, func(w *answerWriter) error { return w.entrance(c.Request().Context(), in) })
}

// PUT /_matrix/federation/v1/send_join/{roomId}/{eventId}
func (a *API) sendJoinV1(c echo.Context, origin matrix.ServerName) error {
	in, err := a.join(c, origin)
	if err != nil {
		return err
	}
	return streamed(c, func(w *answerWriter) error {
		_, _ = w.WriteString("[200,")
		if err := w.entrance(c.Request().Context(), in); err != nil {
			return err
		}
		return w.WriteByte(']')
	})
}

func (a *API) join(c echo.Context, origin matrix.ServerName) (in resident.Entrance, err error) {
	signed, err := signedMembership(c, origin, resident.Join)
	if err != nil {
		return in, err
	}
	return a.Rooms.Join(c.Request().Context(), signed)
}

func (w *answerWriter) entrance(ctx context.Context, in resident.Entrance) error {
	servers, err := json.Marshal(in.Servers)
	if err != nil {
		return err
	}
	w.raw("event", in.Event.JSON())
	w.raw("members_omitted", []byte("false"))
	w.raw("servers_in_room", servers)
	if err := w.events(ctx, "auth_chain", in.Chain); err != nil {
		return err
	}
	return w.last(w.events(ctx, "state", in.State))
}

type empty struct{}

// PUT /_matrix/federation/v2/send_leave/{roomId}/{eventId}
func (a *API) sendLeave(c echo.Context, origin matrix.ServerName) error {
	if err := a.leave(c, origin); err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}

// PUT /_matrix/federation/v1/send_leave/{roomId}/{eventId}
func (a *API) sendLeaveV1(c echo.Context, origin matrix.ServerName) error {
	if err := a.leave(c, origin); err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, []any{http.StatusOK, empty{}})
}

func (a *API) leave(c echo.Context, origin matrix.ServerName) error {
	signed, err := signedMembership(c, origin, resident.Leave)
	if err != nil {
		return err
	}
	return a.Rooms.Leave(c.Request().Context(), signed)
}

type knockAnswer struct {
	State []jsontext.Value `json:"knock_room_state"`
}

// PUT /_matrix/federation/v1/send_knock/{roomId}/{eventId}
func (a *API) sendKnock(c echo.Context, origin matrix.ServerName) error {
	signed, err := signedMembership(c, origin, resident.Knock)
	if err != nil {
		return err
	}
	state, err := a.Rooms.Knock(c.Request().Context(), signed)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, knockAnswer{octets(state)})
}
