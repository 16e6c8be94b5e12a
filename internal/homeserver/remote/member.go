package remote

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/fedclient"
	"signet/internal/matrix"
)

// Template is a membership event that a resident server proposes, to be completed and signed.
type Template struct {
	RoomVersion string // "1" where it says none
	Event       jsontext.Value
}

// ErrTemplate is the error of a proposal that is not the membership asked for.
var ErrTemplate = fmt.Errorf("%w: it proposes another event", fedclient.ErrBadAnswer)

// MakeJoin asks a resident server how to join a room, for one of the versions (server-server
// API, "Joining Rooms").
func (c *Client) MakeJoin(ctx context.Context, server matrix.ServerName, room matrix.RoomID, user matrix.UserID, versions []string) (Template, error) {
	return c.propose(ctx, server, proposal{"join", room, user, versions})
}

// MakeKnock asks a resident server how to knock.
func (c *Client) MakeKnock(ctx context.Context, server matrix.ServerName, room matrix.RoomID, user matrix.UserID, versions []string) (Template, error) {
	return c.propose(ctx, server, proposal{"knock", room, user, versions})
}

// MakeLeave asks a resident server how to leave a room, or to reject an invitation to it.
func (c *Client) MakeLeave(ctx context.Context, server matrix.ServerName, room matrix.RoomID, user matrix.UserID) (Template, error) {
	return c.propose(ctx, server, proposal{membership: "leave", room: room, user: user})
}

type proposal struct {
	membership string
	room       matrix.RoomID
	user       matrix.UserID
	versions   []string
}

func (c *Client) propose(ctx context.Context, server matrix.ServerName, p proposal) (t Template, err error) {
	path := at(v1, url.Values{"ver": p.versions}, "make_"+p.membership, p.room.String(), p.user.String())
	t.RoomVersion = "1"
	err = c.ask(ctx, call{server: server, method: http.MethodGet, path: path},
		object(members{"room_version": value(&t.RoomVersion), "event": raw(&t.Event)}))
	if err == nil {
		err = p.check(t.Event)
	}
	return t, err
}

// check checks what must be, before anything of it is signed (server-server API,
// "make_knock"; the other two are alike). The room is checked where it is said: an event of
// version 12 may leave it out.
func (p proposal) check(template jsontext.Value) error {
	var e struct {
		Type     string        `json:"type"`
		Room     matrix.RoomID `json:"room_id"`
		Sender   matrix.UserID `json:"sender"`
		StateKey matrix.UserID `json:"state_key"`
		Content  struct {
			Membership string `json:"membership"`
		} `json:"content"`
	}
	if json.Unmarshal(template, &e) != nil {
		return errShape
	}
	if e.Type != "m.room.member" || e.Sender != p.user || e.StateKey != p.user || e.Content.Membership != p.membership || e.Room != "" && e.Room != p.room {
		return ErrTemplate
	}
	return nil
}

// Joined is a room as a resident server gives it to somebody who joins.
type Joined struct {
	State     []jsontext.Value // before the join
	AuthChain []jsontext.Value
	// Event is the join with the resident server's signature; nil where it sends none.
	Event jsontext.Value
}

// maxStateEvents is how many events a state, or its auth chain, may have.
const maxStateEvents = 500_000

// SendJoin has a resident server accept a signed join.
func (c *Client) SendJoin(ctx context.Context, server matrix.ServerName, room matrix.RoomID, eventID string, pdu jsontext.Value) (j Joined, err error) {
	path := at(v2, nil, "send_join", room.String(), eventID)
	err = c.ask(ctx, call{server: server, method: http.MethodPut, path: path, body: pdu, max: maxRoom, life: longLife}, object(members{
		"state": events(&j.State, maxStateEvents), "auth_chain": events(&j.AuthChain, maxStateEvents), "event": raw(&j.Event),
	}))
	if err == nil && (j.State == nil || j.AuthChain == nil) {
		err = errShape
	}
	return j, err
}

// SendLeave has a resident server accept a signed leave.
func (c *Client) SendLeave(ctx context.Context, server matrix.ServerName, room matrix.RoomID, eventID string, pdu jsontext.Value) error {
	path := at(v2, nil, "send_leave", room.String(), eventID)
	return c.ask(ctx, call{server: server, method: http.MethodPut, path: path, body: pdu}, nothing)
}

// maxStripped is how many events of stripped state are read.
const maxStripped = 100

// SendKnock has a resident server accept a signed knock. What it returns is the room as it
// may be shown to the one who knocks: stripped state, or whole events.
func (c *Client) SendKnock(ctx context.Context, server matrix.ServerName, room matrix.RoomID, eventID string, pdu jsontext.Value) (state []jsontext.Value, err error) {
	path := at(v1, nil, "send_knock", room.String(), eventID)
	err = c.ask(ctx, call{server: server, method: http.MethodPut, path: path, body: pdu},
		object(members{"knock_room_state": events(&state, maxStripped)}))
	return state, err
}
