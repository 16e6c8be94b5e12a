package clientapi_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const mutual = "/_matrix/client/v1/mutual_rooms?user_id="

// Somebody is told the rooms that they and another are in, and of no others.
func TestMutualRooms(t *testing.T) {
	each(t, func(w *world) {
		alice, bob, carol := w.joined("alice"), w.joined("bob"), w.joined("carol")
		var both []string
		for range 3 {
			both = append(both, w.newRoom(alice, `{"preset":"public_chat"}`))
		}
		invited := w.newRoom(alice, `{"invite":["@bob:hs.test"]}`)
		w.newRoom(bob, `{"preset":"public_chat"}`)
		for _, id := range append(both, invited) {
			if id != invited {
				w.want("joining", w.call(bob, "POST /join/"+id, ``), 200, "")
			}
		}
		left := w.newRoom(alice, `{"preset":"public_chat"}`)
		w.want("joining", w.call(bob, "POST /join/"+left, ``), 200, "")
		w.want("leaving", w.call(bob, "POST /rooms/"+left+"/leave", ``), 200, "")
		slices.Sort(both)
		ask := func(token, user, more string) answer {
			return w.do("GET", mutual+url.QueryEscape(user)+more, "", bearer(token))
		}
		want := `{"joined":["` + strings.Join(both, `","`) + `"],"count":3}`
		w.wantJSON("alice and bob", ask(alice, "@bob:hs.test", ""), want)
		w.wantJSON("bob and alice", ask(bob, "@alice:hs.test", ""), want)
		for _, nobody := range []string{"@carol:hs.test", "@nobody:hs.test", "@dave:far.test", "@Old-Name:far.test"} {
			if a := ask(alice, nobody, ""); a.text != `{"joined":[],"count":0}` {
				w.Errorf("%s: %d %s", nobody, a.status, a.text)
			}
		}
		w.wantJSON("of others carol is told nothing", ask(carol, "@bob:hs.test", ""), `{"joined":[],"count":0}`)
		after := func(id string) string { return "&from=" + base64.RawURLEncoding.EncodeToString([]byte(id)) }
		w.wantJSON("after the first", ask(alice, "@bob:hs.test", after(both[0])), fmt.Sprintf(`{"joined":[%q,%q],"count":3}`, both[1], both[2]))
		w.wantJSON("after one that was left", ask(alice, "@bob:hs.test", after(both[1]+"x")), fmt.Sprintf(`{"joined":[%q],"count":3}`, both[2]))
		w.wantJSON("after the last", ask(alice, "@bob:hs.test", after("!~:z")), `{"joined":[],"count":3}`)

		for what, a := range map[string]answer{
			"oneself": ask(alice, "@alice:hs.test", ""), "no user": ask(alice, "bob", ""), "an empty one": ask(alice, "", ""),
			"a token of somebody else's": ask(alice, "@bob:hs.test", "&from=abc"), "no token": ask(alice, "@bob:hs.test", "&from="), "not base64": ask(alice, "@bob:hs.test", "&from=%25"),
			"two users": ask(alice, "@bob:hs.test", "&user_id=@carol:hs.test"),
		} {
			w.want(what, a, 400, "M_INVALID_PARAM")
		}
		w.want("nobody", w.do("GET", "/_matrix/client/v1/mutual_rooms", "", bearer(alice)), 400, "M_MISSING_PARAMS")
		w.want("without being logged in", w.do("GET", mutual+"@bob:hs.test", ""), 401, "M_MISSING_TOKEN")
		w.limit(1, false)
		w.want("once", ask(alice, "@bob:hs.test", ""), 200, "")
		w.want("too often", ask(alice, "@bob:hs.test", ""), 429, "M_LIMIT_EXCEEDED")
	})
}
