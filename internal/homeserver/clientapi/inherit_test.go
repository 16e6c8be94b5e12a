package clientapi_test

import (
	"strings"
	"testing"
)

// What people have set for a room they find in the one that replaces it, when they come
// there or, if they are there already, when the old one says so.
func TestUpgradesKeepWhatPeopleHaveSet(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.joined("bob")
		old := w.id(w.call(alice, "POST /createRoom", `{"preset":"public_chat"}`))
		w.want("bob joins", w.call(bob, "POST /join/"+old, ""), 200, "")
		for user, token := range map[string]string{"alice": alice, "bob": bob} {
			w.want("a push rule", w.call(token, "PUT /pushrules/global/room/"+old, `{"actions":[]}`), 200, "")
			w.want("a tag", w.call(token, "PUT /user/@"+user+":hs.test/rooms/"+old+"/tags/u.work", `{}`), 200, "")
		}
		follows := func(what, user, token, id string, want int) {
			w.Helper()
			code := map[int]string{404: "M_NOT_FOUND"}[want]
			w.want(what+": the rule", w.call(token, "GET /pushrules/global/room/"+id, ""), want, code)
			if tags := w.call(token, "GET /user/@"+user+":hs.test/rooms/"+id+"/tags", "").text; strings.Contains(tags, "u.work") != (want == 200) {
				w.Errorf("%s: the tags are %s", what, tags)
			}
		}

		next := w.id(w.call(alice, "POST /rooms/"+old+"/upgrade", `{"new_version":"12"}`), "replacement_room")
		follows("alice, who was first there", "alice", alice, next, 200)
		follows("bob, who is not there", "bob", bob, next, 404)
		w.want("bob joins", w.call(bob, "POST /join/"+next, ""), 200, "")
		follows("bob, then", "bob", bob, next, 200)
		w.want("bob is noisy there", w.call(bob, "DELETE /pushrules/global/room/"+next, ""), 200, "")
		w.want("bob joins again", w.call(bob, "POST /join/"+next, ""), 200, "")
		w.want("and stays so", w.call(bob, "GET /pushrules/global/room/"+next, ""), 404, "M_NOT_FOUND")

		claim := `{"preset":"public_chat","creation_content":{"predecessor":{"room_id":"` + old + `"}}}`
		other := w.id(w.call(alice, "POST /createRoom", claim))
		w.want("bob joins what only claims to be next", w.call(bob, "POST /join/"+other, ""), 200, "")
		follows("bob, there", "bob", bob, other, 404)
		w.want("by hand", w.call(alice, "PUT /rooms/"+old+"/state/m.room.tombstone", `{"body":"x","replacement_room":"`+other+`"}`), 200, "")
		follows("bob, when it is true", "bob", bob, other, 200)
		follows("alice, too", "alice", alice, other, 200)
	})
}

// id is the id of a room in an answer.
func (w *world) id(a answer, name ...string) string {
	w.Helper()
	if a.status != 200 {
		w.Fatalf("a room: %d %s", a.status, a.text)
	}
	return a.str(append(name, "room_id")[0])
}
