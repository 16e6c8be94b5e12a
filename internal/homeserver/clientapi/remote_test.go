package clientapi_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/fedclient"
	"signet/internal/homeserver/remote"
	"signet/internal/matrix"
)

// others are all other servers. Of them dead.test is dead, and strict.test refuses everything.
type others struct{ asked []string }

func (o *others) ask(format string, server matrix.ServerName, args ...any) error {
	o.asked = append(o.asked, fmt.Sprintf(format, append([]any{server}, args...)...))
	switch server {
	case "dead.test":
		return fmt.Errorf("asking: %w", fedclient.ErrUnreachable)
	case "strict.test":
		return fmt.Errorf("asking: %w", fedclient.Refusal{Status: 403, Errcode: matrix.Forbidden, Message: "not for you"})
	case "odd.test":
		return fmt.Errorf("asking: %w", fedclient.Refusal{Status: 400, Errcode: "M_ODD", Message: "odd"})
	}
	return nil
}

func (o *others) Profile(_ context.Context, server matrix.ServerName, user matrix.UserID, field string) (map[string]jsontext.Value, error) {
	return map[string]jsontext.Value{"displayname": jsontext.Value(`"Dave"`)}, o.ask("%s: profile of %s %q", server, user, field)
}

func (o *others) Directory(_ context.Context, server matrix.ServerName, alias string) (matrix.RoomID, []matrix.ServerName, error) {
	return "!there:one.test", []matrix.ServerName{"one.test", "two.test"}, o.ask("%s: alias %s", server, alias)
}

func (o *others) PublicRooms(_ context.Context, server matrix.ServerName, l remote.Listing) (remote.Listed, error) {
	return remote.Listed{Rooms: []remote.PublicRoom{{RoomID: "!there:one.test", Name: "There", Joined: 3}}, Next: "n", Total: 1}, o.ask("%s: rooms %q %d", server, l.Term, l.Limit)
}

// Whom this server does not know it asks for at theirs.
func TestLookingElsewhere(t *testing.T) {
	each(t, func(w *world) {
		o := &others{}
		w.api.Remote = o
		alice := w.joined("alice")
		for _, test := range []struct{ path, want, asked string }{
			{"/profile/@dave:one.test", `{"displayname":"Dave"}`, `one.test: profile of @dave:one.test ""`},
			{"/profile/@dave:one.test/displayname", `{"displayname":"Dave"}`, `one.test: profile of @dave:one.test "displayname"`},
			{"/directory/room/%23a:one.test", `{"room_id":"!there:one.test","servers":["one.test","two.test"]}`, `one.test: alias #a:one.test`},
			{"/publicRooms?server=one.test&limit=2", `{"chunk":[{"room_id":"!there:one.test","name":"There","join_rule":"","num_joined_members":3,"world_readable":false,"guest_can_join":false}],"next_batch":"n","total_room_count_estimate":1}`,
				`one.test: rooms "" 2`},
		} {
			o.asked = nil
			w.wantJSON(test.path, w.do("GET", v3+test.path, ""), test.want)
			if len(o.asked) != 1 || o.asked[0] != test.asked {
				t.Errorf("%s asks %q, want %q", test.path, o.asked, test.asked)
			}
		}
		w.want("rooms that are looked for", w.call(alice, "POST /publicRooms?server=two.test", `{"filter":{"generic_search_term":"x"}}`), 200, "")
		for _, test := range []struct {
			path   string
			status int
			code   string
		}{
			{"/profile/@dave:dead.test", 502, "M_UNKNOWN"}, {"/profile/@dave:strict.test", 403, "M_FORBIDDEN"}, {"/profile/@dave:odd.test", 502, "M_UNKNOWN"},
			{"/profile/@dave:one.test/avatar_url", 404, "M_NOT_FOUND"}, {"/directory/room/%23a:dead.test", 502, "M_UNKNOWN"}, {"/publicRooms?server=strict.test", 403, "M_FORBIDDEN"},
		} {
			w.want(test.path, w.do("GET", v3+test.path, ""), test.status, test.code)
		}
		o.asked = nil
		w.want("no server", w.do("GET", v3+"/publicRooms?server=a%20b", ""), 400, "M_INVALID_PARAM")
		w.want("one of ours", w.do("GET", v3+"/profile/@nobody:hs.test", ""), 404, "M_NOT_FOUND")
		w.want("an alias of ours", w.do("GET", v3+"/directory/room/%23no:hs.test", ""), 404, "M_NOT_FOUND")
		w.want("no alias", w.do("GET", v3+"/directory/room/x:one.test", ""), 400, "M_INVALID_PARAM")
		w.want("our own rooms", w.do("GET", v3+"/publicRooms?server=hs.test", ""), 200, "")
		if o.asked != nil {
			t.Errorf("asked %q", o.asked)
		}
	})
}
