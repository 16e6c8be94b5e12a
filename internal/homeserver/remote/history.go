package remote

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
)

// State is the state of a room before an event, and the auth chain of that.
type State struct{ State, AuthChain []jsontext.Value }

// State asks for the state of a room before an event, whole.
func (c *Client) State(ctx context.Context, server matrix.ServerName, room matrix.RoomID, eventID string) (s State, err error) {
	path := at(v1, url.Values{"event_id": {eventID}}, "state", room.String())
	err = c.ask(ctx, call{server: server, method: http.MethodGet, path: path, max: maxRoom, life: longLife},
		object(members{"pdus": events(&s.State, maxStateEvents), "auth_chain": events(&s.AuthChain, maxStateEvents)}))
	if err == nil && (s.State == nil || s.AuthChain == nil) {
		err = errShape
	}
	return s, err
}

// StateIDs are the ids of the events of a State.
type StateIDs struct{ State, AuthChain []string }

// StateIDs asks for the ids of the state of a room before an event.
func (c *Client) StateIDs(ctx context.Context, server matrix.ServerName, room matrix.RoomID, eventID string) (s StateIDs, err error) {
	path := at(v1, url.Values{"event_id": {eventID}}, "state_ids", room.String())
	err = c.ask(ctx, call{server: server, method: http.MethodGet, path: path, max: maxRoom, life: longLife},
		object(members{"pdu_ids": ids(&s.State, maxStateEvents), "auth_chain_ids": ids(&s.AuthChain, maxStateEvents)}))
	if err == nil && (s.State == nil || s.AuthChain == nil) {
		err = errShape
	}
	return s, err
}

// Event asks for one event.
func (c *Client) Event(ctx context.Context, server matrix.ServerName, eventID string) (jsontext.Value, error) {
	var found []jsontext.Value
	err := c.ask(ctx, call{server: server, method: http.MethodGet, path: at(v1, nil, "event", eventID)},
		object(members{"pdus": events(&found, 1)}))
	if err == nil && len(found) != 1 {
		err = errShape
	}
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// EventAuth asks for the auth chain of an event.
func (c *Client) EventAuth(ctx context.Context, server matrix.ServerName, room matrix.RoomID, eventID string) (chain []jsontext.Value, err error) {
	err = c.ask(ctx, call{server: server, method: http.MethodGet, path: at(v1, nil, "event_auth", room.String(), eventID), max: maxRoom, life: longLife},
		object(members{"auth_chain": events(&chain, maxStateEvents)}))
	if err == nil && chain == nil {
		err = errShape
	}
	return chain, err
}

// maxEvents is how many events one page of history has, and maxFrom from how many events one
// may begin.
const (
	maxEvents = 100
	maxFrom   = 50
)

// Backfill asks for up to limit events, at most 100, that precede some, and for these
// themselves.
func (c *Client) Backfill(ctx context.Context, server matrix.ServerName, room matrix.RoomID, from []string, limit int) (found []jsontext.Value, err error) {
	limit = min(max(limit, 1), maxEvents)
	path := at(v1, url.Values{"v": from[:min(len(from), maxFrom)], "limit": {strconv.Itoa(limit)}}, "backfill", room.String())
	err = c.ask(ctx, call{server: server, method: http.MethodGet, path: path, max: maxPage, life: sendLife},
		object(members{"pdus": events(&found, limit+maxFrom)}))
	return found, err
}

// Missing is a gap in what is known of a room.
type Missing struct {
	Earliest []string // known, before the gap
	Latest   []string // known, after it; not in the answer
	Limit    int      // at most 100
	MinDepth int64
}

// MissingEvents asks for the events of a gap.
func (c *Client) MissingEvents(ctx context.Context, server matrix.ServerName, room matrix.RoomID, m Missing) (found []jsontext.Value, err error) {
	limit := min(max(m.Limit, 1), maxEvents)
	body := struct {
		Earliest []string `json:"earliest_events"`
		Latest   []string `json:"latest_events"`
		Limit    int      `json:"limit"`
		MinDepth int64    `json:"min_depth"`
	}{append([]string{}, m.Earliest...), append([]string{}, m.Latest...), limit, m.MinDepth}
	path := at(v1, nil, "get_missing_events", room.String())
	err = c.ask(ctx, call{server: server, method: http.MethodPost, path: path, body: body, max: maxPage},
		object(members{"events": events(&found, limit)}))
	return found, err
}

// Closest is the event of another server that is closest to a time.
type Closest struct {
	EventID string
	Time    time.Time // as the event says
}

// TimestampToEvent asks for the event closest to a time, in one direction.
func (c *Client) TimestampToEvent(ctx context.Context, server matrix.ServerName, room matrix.RoomID, near time.Time, backward bool) (Closest, error) {
	direction := "f"
	if backward {
		direction = "b"
	}
	query := url.Values{"ts": {strconv.FormatInt(near.UnixMilli(), 10)}, "dir": {direction}}
	var answer struct {
		EventID string `json:"event_id"`
		TS      int64  `json:"origin_server_ts"`
	}
	err := c.ask(ctx, call{server: server, method: http.MethodGet, path: at(v1, query, "timestamp_to_event", room.String())}, into(&answer))
	if err == nil && (len(answer.EventID) < 2 || answer.EventID[0] != '$') {
		err = errShape
	}
	return Closest{answer.EventID, time.UnixMilli(answer.TS)}, err
}
