package clientapi

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/filter"
	"signet/internal/homeserver/room"
	"signet/internal/mxhttp"
)

// reader is the device for which an answer is written.
func (a *API) reader(device account.Device) room.Reader {
	return room.Reader{User: device.User, Device: string(device.ID), Now: a.Rooms.Now().UnixMilli()}
}

// seen writes events out. It is never nil: clients want a list.
func seen(r room.Reader, events []room.Seen) []jsontext.Value {
	list := make([]jsontext.Value, len(events))
	for i, e := range events {
		list[i] = r.Append(nil, e)
	}
	return list
}

// stored is seen for events of a state.
func stored(r room.Reader, events []*room.Stored) []jsontext.Value {
	list := make([]jsontext.Value, len(events))
	for i, s := range events {
		list[i] = r.Append(nil, room.Seen{Stored: s})
	}
	return list
}

// GET /_matrix/client/v3/rooms/{roomId}/state
func (a *API) state(c echo.Context, device account.Device) error {
	id, err := mxhttp.Segment(c, "roomId")
	if err != nil {
		return err
	}
	state, err := a.Rooms.State(c.Request().Context(), device.User, id)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, stored(a.reader(device), state))
}

// GET /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}
func (a *API) stateEvent(c echo.Context, device account.Device) error {
	id, err := mxhttp.Segment(c, "roomId")
	if err != nil {
		return err
	}
	typ, err := mxhttp.Segment(c, "eventType")
	if err != nil {
		return err
	}
	key, err := stateKey(c)
	if err != nil {
		return err
	}
	format, err := choice(c, "format", "content", "event")
	if err != nil {
		return err
	}
	s, err := a.Rooms.StateEvent(c.Request().Context(), device.User, id, typ, key)
	if err != nil {
		return err
	}
	answer := jsontext.Value(s.Content())
	if format == "event" {
		answer = a.reader(device).Append(nil, room.Seen{Stored: s})
	}
	return mxhttp.Reply(c, http.StatusOK, answer)
}

// GET /_matrix/client/v3/rooms/{roomId}/event/{eventId}
func (a *API) event(c echo.Context, device account.Device) error {
	id, eventID, err := eventOf(c)
	if err != nil {
		return err
	}
	e, err := a.Rooms.Event(c.Request().Context(), device.User, id, eventID)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, jsontext.Value(a.reader(device).Append(nil, e)))
}

// eventOf are the room and the event that a path names.
func eventOf(c echo.Context) (roomID, eventID string, err error) {
	if roomID, err = mxhttp.Segment(c, "roomId"); err != nil {
		return "", "", err
	}
	eventID, err = mxhttp.Segment(c, "eventId")
	return roomID, eventID, err
}

type chunkAnswer struct {
	Chunk []jsontext.Value `json:"chunk"`
}

// GET /_matrix/client/v3/rooms/{roomId}/members
func (a *API) members(c echo.Context, device account.Device) error {
	id, err := mxhttp.Segment(c, "roomId")
	if err != nil {
		return err
	}
	var q room.MemberQuery
	if q.At, err = optional(c, "at"); err != nil {
		return err
	}
	if q.Is, err = choice(c, "membership", "", room.Join, room.Invite, room.Knock, room.Leave, room.Ban); err != nil {
		return err
	}
	if q.Not, err = choice(c, "not_membership", "", room.Join, room.Invite, room.Knock, room.Leave, room.Ban); err != nil {
		return err
	}
	members, err := a.Rooms.Members(c.Request().Context(), device.User, id, q)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, chunkAnswer{stored(a.reader(device), members)})
}

type joinedMembersAnswer struct {
	Joined map[string]joinedMember `json:"joined"`
}

// joinedMember has null for what a member has not: clients in the field take an answer
// without display_name for a bad one.
type joinedMember struct {
	DisplayName *string `json:"display_name"`
	AvatarURL   *string `json:"avatar_url"`
}

// GET /_matrix/client/v3/rooms/{roomId}/joined_members
func (a *API) joinedMembers(c echo.Context, device account.Device) error {
	id, err := mxhttp.Segment(c, "roomId")
	if err != nil {
		return err
	}
	members, err := a.Rooms.JoinedMembers(c.Request().Context(), device.User, id)
	if err != nil {
		return err
	}
	answer := joinedMembersAnswer{make(map[string]joinedMember, len(members))}
	for _, s := range members {
		key, _ := s.StateKey()
		answer.Joined[key] = joinedMember{text(s, "displayname"), text(s, "avatar_url")}
	}
	return mxhttp.Reply(c, http.StatusOK, answer)
}

// text is a text in an event's content, nil if there is none.
func text(s *room.Stored, name string) *string {
	if text, isText := s.Field(name).Text(); isText {
		return &text
	}
	return nil
}

type messagesAnswer struct {
	Chunk []jsontext.Value `json:"chunk"`
	State []jsontext.Value `json:"state,omitempty"`
	Start string           `json:"start"`
	End   string           `json:"end,omitempty"`
}

// GET /_matrix/client/v3/rooms/{roomId}/messages
func (a *API) messages(c echo.Context, device account.Device) error {
	q, err := messageQuery(c)
	if err != nil {
		return err
	}
	if !q.Filter.WantsRoom(q.Room) {
		return mxhttp.Reply(c, http.StatusOK, messagesAnswer{Chunk: []jsontext.Value{}, Start: q.From})
	}
	page, err := a.Rooms.Messages(c.Request().Context(), device.User, q)
	if err != nil {
		return err
	}
	r := a.reader(device)
	return mxhttp.Reply(c, http.StatusOK, messagesAnswer{Chunk: seen(r, page.Events), State: stored(r, page.State), Start: page.Start, End: page.End})
}

// messageQuery is what a request asks of a timeline. One that does not say which way, as the
// specification wants it to, goes back.
func messageQuery(c echo.Context) (q room.Query, err error) {
	if q.Room, err = mxhttp.Segment(c, "roomId"); err != nil {
		return q, err
	}
	dir, err := choice(c, "dir", "b", "f")
	if err != nil {
		return q, err
	}
	q.Back = dir == "b"
	if q.From, err = optional(c, "from"); err != nil {
		return q, err
	}
	if q.To, err = optional(c, "to"); err != nil {
		return q, err
	}
	if q.Filter, err = eventFilter(c); err != nil {
		return q, err
	}
	q.Limit, err = number(c, "limit", q.Filter.Limit)
	return q, err
}

// eventFilter is the RoomEventFilter of a request, as JSON in its query.
func eventFilter(c echo.Context) (f room.Filter, err error) {
	given, err := optional(c, "filter")
	if err != nil || given == "" {
		return f, err
	}
	events, err := filter.ParseRoomEvents([]byte(given))
	if err != nil {
		return f, invalidParam("the query parameter filter is not a filter of events")
	}
	return room.FilterOf(events), nil
}

type contextAnswer struct {
	Start        string           `json:"start"`
	End          string           `json:"end"`
	EventsBefore []jsontext.Value `json:"events_before"`
	Event        jsontext.Value   `json:"event"`
	EventsAfter  []jsontext.Value `json:"events_after"`
	State        []jsontext.Value `json:"state"`
}

// GET /_matrix/client/v3/rooms/{roomId}/context/{eventId}
func (a *API) context(c echo.Context, device account.Device) error {
	id, eventID, err := eventOf(c)
	if err != nil {
		return err
	}
	wanted, err := eventFilter(c)
	if err != nil {
		return err
	}
	limit, err := number(c, "limit", 10)
	if err != nil {
		return err
	}
	around, err := a.Rooms.Context(c.Request().Context(), device.User, id, eventID, limit, wanted)
	if err != nil {
		return err
	}
	r := a.reader(device)
	return mxhttp.Reply(c, http.StatusOK, contextAnswer{Start: around.Start, End: around.End, EventsBefore: seen(r, around.Before),
		Event: r.Append(nil, around.Event), EventsAfter: seen(r, around.After), State: stored(r, around.State)})
}

type eventAtAnswer struct {
	EventID        string `json:"event_id"`
	OriginServerTS int64  `json:"origin_server_ts"`
}

// GET /_matrix/client/v1/rooms/{roomId}/timestamp_to_event
func (a *API) eventAt(c echo.Context, device account.Device) error {
	id, err := mxhttp.Segment(c, "roomId")
	if err != nil {
		return err
	}
	back, err := backwards(c)
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
	s, err := a.Rooms.EventAt(c.Request().Context(), device.User, id, int64(ts), back)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, eventAtAnswer{s.ID(), s.OriginServerTS()})
}
