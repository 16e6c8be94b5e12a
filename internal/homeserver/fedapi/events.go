package fedapi

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/resident"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// transactionAnswer is events in the form of a transaction.
type transactionAnswer struct {
	Origin matrix.ServerName `json:"origin"`
	TS     int64             `json:"origin_server_ts"`
	PDUs   []jsontext.Value  `json:"pdus"`
}

func (a *API) transaction(events ...*event.Event) transactionAnswer {
	return transactionAnswer{Origin: a.ServerName, TS: a.Now().UnixMilli(), PDUs: octets(events)}
}

func octets(events []*event.Event) []jsontext.Value {
	all := make([]jsontext.Value, len(events))
	for i, e := range events {
		all[i] = e.JSON()
	}
	return all
}

// GET /_matrix/federation/v1/event/{eventId}
func (a *API) event(c echo.Context, origin matrix.ServerName) error {
	id, err := mxhttp.Segment(c, "eventId")
	if err != nil {
		return err
	}
	e, err := a.Rooms.Event(c.Request().Context(), origin, id)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, a.transaction(e))
}

// GET /_matrix/federation/v1/state/{roomId}
func (a *API) state(c echo.Context, origin matrix.ServerName) error {
	ctx := c.Request().Context()
	state, chain, err := a.stateAt(c, origin)
	if err != nil {
		return err
	}
	return streamed(c, func(w *answerWriter) error {
		if err := w.events(ctx, "auth_chain", chain); err != nil {
			return err
		}
		return w.last(w.events(ctx, "pdus", state))
	})
}

type stateIDsAnswer struct {
	Chain []string `json:"auth_chain_ids"`
	State []string `json:"pdu_ids"`
}

// GET /_matrix/federation/v1/state_ids/{roomId}
func (a *API) stateIDs(c echo.Context, origin matrix.ServerName) error {
	state, chain, err := a.stateAt(c, origin)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, stateIDsAnswer{Chain: chain.IDs, State: state.IDs})
}

func (a *API) stateAt(c echo.Context, origin matrix.ServerName) (state, chain resident.Named, err error) {
	roomID, err := mxhttp.Segment(c, "roomId")
	if err != nil {
		return state, chain, err
	}
	eventID, err := mxhttp.Query(c, "event_id")
	if err != nil {
		return state, chain, err
	}
	return a.Rooms.StateBefore(c.Request().Context(), origin, roomID, eventID)
}

// GET /_matrix/federation/v1/event_auth/{roomId}/{eventId}
func (a *API) eventAuth(c echo.Context, origin matrix.ServerName) error {
	ctx := c.Request().Context()
	roomID, eventID, err := segments(c, "roomId", "eventId")
	if err != nil {
		return err
	}
	chain, err := a.Rooms.AuthChain(ctx, origin, roomID, eventID)
	if err != nil {
		return err
	}
	return streamed(c, func(w *answerWriter) error {
		return w.last(w.events(ctx, "auth_chain", chain))
	})
}

// GET /_matrix/federation/v1/backfill/{roomId}
func (a *API) backfill(c echo.Context, origin matrix.ServerName) error {
	roomID, err := mxhttp.Segment(c, "roomId")
	if err != nil {
		return err
	}
	limit, err := number(c, "limit", 0)
	if err != nil {
		return err
	}
	from, err := list(c, "v")
	if err != nil {
		return err
	}
	events, err := a.Rooms.Backfill(c.Request().Context(), origin, roomID, from, int(limit))
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, a.transaction(events...))
}

type missingRequest struct {
	Earliest []string `json:"earliest_events" required:"true"`
	Latest   []string `json:"latest_events" required:"true"`
	Limit    *int     `json:"limit"`
	MinDepth int64    `json:"min_depth"`
}

type missingAnswer struct {
	Events []jsontext.Value `json:"events"`
}

// usualMissing is how many events are given to who says no limit.
const usualMissing = 10

// POST /_matrix/federation/v1/get_missing_events/{roomId}
func (a *API) missing(c echo.Context, origin matrix.ServerName) error {
	roomID, err := mxhttp.Segment(c, "roomId")
	if err != nil {
		return err
	}
	var r missingRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	gap := resident.Gap{Latest: r.Latest, Earliest: r.Earliest, MinDepth: r.MinDepth, Limit: usualMissing}
	if r.Limit != nil {
		gap.Limit = *r.Limit
	}
	events, err := a.Rooms.Missing(c.Request().Context(), origin, roomID, gap)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, missingAnswer{octets(events)})
}

type eventAtAnswer struct {
	EventID string `json:"event_id"`
	TS      int64  `json:"origin_server_ts"`
}

// GET /_matrix/federation/v1/timestamp_to_event/{roomId}
func (a *API) timestampToEvent(c echo.Context, origin matrix.ServerName) error {
	roomID, err := mxhttp.Segment(c, "roomId")
	if err != nil {
		return err
	}
	if _, err := mxhttp.Query(c, "ts"); err != nil {
		return err
	}
	ts, err := number(c, "ts", 0)
	if err != nil {
		return err
	}
	dir, err := mxhttp.Query(c, "dir")
	if err != nil {
		return err
	}
	if dir != "f" && dir != "b" {
		return errDirection
	}
	e, err := a.Rooms.EventAt(c.Request().Context(), origin, roomID, ts, dir == "b")
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, eventAtAnswer{e.ID(), e.OriginServerTS()})
}

// segments are two path parameters.
func segments(c echo.Context, first, second string) (a, b string, err error) {
	if a, err = mxhttp.Segment(c, first); err != nil {
		return "", "", err
	}
	b, err = mxhttp.Segment(c, second)
	return a, b, err
}

// number is a query parameter that is a number, 0 or more.
func number(c echo.Context, name string, otherwise int64) (int64, error) {
	if !c.QueryParams().Has(name) {
		return otherwise, nil
	}
	given, err := mxhttp.Query(c, name)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(given, 10, 64)
	if err != nil || n < 0 {
		return 0, errNumber
	}
	return n, nil
}

// list is a query parameter that stands there once or more often.
func list(c echo.Context, name string) ([]string, error) {
	values, err := url.ParseQuery(c.Request().URL.RawQuery)
	if err != nil || len(values[name]) == 0 || slices.ContainsFunc(values[name], unclean) {
		return nil, errList
	}
	return values[name], nil
}
