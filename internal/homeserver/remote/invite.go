package remote

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/fedclient"
	"signet/internal/matrix"
)

// Invitation is an invitation as it is brought to the invited user's server.
type Invitation struct {
	Room        matrix.RoomID
	EventID     string
	RoomVersion string
	Event       jsontext.Value   // signed by the inviter's server
	State       []jsontext.Value // of the room, for the invited to know it by
}

// Invite brings an invitation to the server of the invited user, and returns the event with
// that server's signature, which is for the caller to check. A server that does not know the
// second version of the endpoint is asked by the first, for the rooms that this can speak of.
func (c *Client) Invite(ctx context.Context, server matrix.ServerName, i Invitation) (signed jsontext.Value, err error) {
	body := map[string]any{"room_version": i.RoomVersion, "event": i.Event, "invite_room_state": append([]jsontext.Value{}, i.State...)}
	path := at(v2, nil, "invite", i.Room.String(), i.EventID)
	err = c.ask(ctx, call{server: server, method: http.MethodPut, path: path, body: body}, object(members{"event": raw(&signed)}))
	if refused, is := errors.AsType[fedclient.Refusal](err); is && refused.Unrecognized() && (i.RoomVersion == "1" || i.RoomVersion == "2") {
		signed, err = c.inviteV1(ctx, server, i)
	}
	if err == nil && signed == nil {
		err = errShape
	}
	return signed, err
}

// inviteV1 is answered by a list of a status and an object.
func (c *Client) inviteV1(ctx context.Context, server matrix.ServerName, i Invitation) (signed jsontext.Value, err error) {
	var body map[string]jsontext.Value
	if err := json.Unmarshal(i.Event, &body); err != nil {
		return nil, err
	}
	unsigned, err := json.Marshal(map[string]any{"invite_room_state": i.State})
	if err != nil {
		return nil, err
	}
	body["unsigned"] = unsigned
	path := at(v1, nil, "invite", i.Room.String(), i.EventID)
	err = c.ask(ctx, call{server: server, method: http.MethodPut, path: path, body: body}, func(r io.Reader) error {
		var answer []jsontext.Value
		if err := into(&answer)(r); err != nil {
			return err
		}
		var second struct {
			Event jsontext.Value `json:"event"`
		}
		if len(answer) != 2 || (fedclient.Response{Body: answer[1]}).Decode(&second) != nil || second.Event.Kind() != '{' {
			return errShape
		}
		signed = second.Event
		return nil
	})
	return signed, err
}
