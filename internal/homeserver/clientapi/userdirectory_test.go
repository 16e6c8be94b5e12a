package clientapi_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/userdata"
	"signet/internal/homeserver/userdirectory"
	"signet/internal/idclient/idclienttest"
	"signet/internal/matrix"
)

// people has the directory follow rooms and profiles.
func (w *world) people(rooms *room.Rooms, data *userdata.Data, accounts *account.Accounts) {
	w.api.People = userdirectory.New(userdirectory.Options{ServerName: "hs.test", Rooms: rooms, Profiles: data, Accounts: accounts})
	rooms.Crowd, data.Follower = w.api.People, renaming{w.api.People}
}

// renaming tells the directory of profiles.
type renaming struct{ people *userdirectory.Directory }

func (r renaming) ProfileChanged(_ context.Context, user matrix.UserID, _ userdata.Profile) error {
	r.people.Called(user)
	return nil
}

func (w *world) search(token, term string) answer {
	w.Helper()
	return w.call(token, "POST /user_directory/search", fmt.Sprintf(`{"search_term":%q}`, term))
}

// finds checks the whole answer, of results as JSON.
func (w *world) finds(token, term, results string) {
	w.Helper()
	w.wantJSON("searching "+term, w.search(token, term), `{"limited":false,"results":[`+results+`]}`)
}

func (w *world) named(token, user, name string) {
	w.Helper()
	w.want("naming", w.call(token, "PUT /profile/"+user+"/displayname", fmt.Sprintf(`{"displayname":%q}`, name)), 200, "")
}

// People are found when they come into view, by the name they have, until they go.
func TestSearchingForPeople(t *testing.T) {
	each(t, func(w *world) {
		alice, bob, carol := w.joined("alice"), w.joined("bob"), w.joined("carol")
		w.named(bob, "@bob:hs.test", "Zoë Bob")
		w.finds(alice, "zoe", ``) // who is in no room
		attic := w.room(bob)
		w.finds(alice, "zoe", `{"user_id":"@bob:hs.test","display_name":"Zoë Bob"}`)
		w.want("closing", w.call(bob, "PUT /rooms/"+attic+"/state/m.room.join_rules", `{"join_rule":"invite"}`), 200, "")
		w.finds(alice, "zoe", ``)
		w.want("inviting", w.call(bob, "POST /rooms/"+attic+"/invite", `{"user_id":"@alice:hs.test"}`), 200, "")
		w.finds(alice, "zoe", ``)
		w.want("joining", w.call(alice, "POST /rooms/"+attic+"/join", `{}`), 200, "")
		w.finds(alice, "zoe", `{"user_id":"@bob:hs.test","display_name":"Zoë Bob"}`)
		w.finds(carol, "zoe", ``)

		member := "PUT /rooms/" + attic + "/state/m.room.member/@bob:hs.test"
		w.want("a name for the room", w.call(bob, member, `{"membership":"join","displayname":"Agent"}`), 200, "")
		w.finds(alice, "agent", ``)
		w.named(bob, "@bob:hs.test", "Robert")
		w.finds(alice, "zoe", ``)
		w.finds(alice, "robert", `{"user_id":"@bob:hs.test","display_name":"Robert"}`)

		w.want("ignoring", w.call(alice, "PUT /user/@alice:hs.test/account_data/m.ignored_user_list", `{"ignored_users":{"@bob:hs.test":{}}}`), 200, "")
		w.finds(alice, "robert", ``)
		w.want("no more", w.call(alice, "PUT /user/@alice:hs.test/account_data/m.ignored_user_list", `{"ignored_users":{}}`), 200, "")

		if err := w.api.Accounts.DeactivateUser(w.Context(), "@bob:hs.test", false); err != nil { // who is in the room still
			w.Fatal(err)
		}
		w.finds(alice, "robert", ``)
	})
}

func TestOddSearches(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice")
		for _, c := range []struct {
			body, code string
			status     int
		}{
			{`{}`, "M_MISSING_PARAMS", 400},
			{`{"search_term":null}`, "M_MISSING_PARAMS", 400},
			{`{"search_term":5}`, "M_BAD_JSON", 400},
			{`{"search_term":"a","limit":"b"}`, "M_BAD_JSON", 400},
			{`{"search_term":"a","limit":1.5}`, "M_BAD_JSON", 400},
			{`{"search_term":"a","limit":0}`, "M_INVALID_PARAM", 400},
			{`{"search_term":"a","limit":-1}`, "M_INVALID_PARAM", 400},
			{`{"search_term":"` + strings.Repeat("ä", 513) + `"}`, "M_INVALID_PARAM", 400},
			{`{"search_term":"` + strings.Repeat("ä", 512) + `"}`, "", 200},
			{`{"search_term":"a","limit":1000000}`, "", 200},
			{`{"search_term":""}`, "", 200},
			{`{"search_term":"%' OR 1=1 --"}`, "", 200},
			{`nonsense`, "M_NOT_JSON", 400},
		} {
			w.want(c.body, w.call(alice, "POST /user_directory/search", c.body), c.status, c.code)
		}
		w.want("nobody's", w.do("POST", v3+"/user_directory/search", `{"search_term":"a"}`), 401, "M_MISSING_TOKEN")
	})
}

func TestTheLimitOfASearch(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice")
		for i := range 3 {
			w.room(w.joined(fmt.Sprintf("bob%d", i)))
		}
		a := w.call(alice, "POST /user_directory/search", `{"search_term":"bob","limit":2}`)
		w.wantJSON("two of three", a, `{"limited":true,"results":[{"user_id":"@bob0:hs.test"},{"user_id":"@bob1:hs.test"}]}`)
	})
}

// Whoever has an address is found by all of it.
func TestSearchingForAnAddress(t *testing.T) {
	each(t, func(w *world) {
		o := &others{}
		w.api.Remote = o
		alice, bob := w.joined("alice"), w.joined("bob")
		w.named(bob, "@bob:hs.test", "Bob")
		w.ids.Bound = map[string]string{
			"id.test email bob@example.org": "@bob:hs.test", "id.test email dave@example.org": "@dave:one.test", "id.test email erin@example.org": "@erin:dead.test",
			"id.test msisdn 4915112345678": "@bob:hs.test", "id.test email alice@example.org": "@alice:hs.test", "id.test email gone@example.org": "@gone:hs.test",
		}
		for _, term := range []string{"bob@example.org", "  BOB@Example.ORG ", "+49 151 12345678", "+49 (0) 151/12345678"} {
			w.finds(alice, term, `{"user_id":"@bob:hs.test","display_name":"Bob"}`)
		}
		w.finds(alice, "dave@example.org", `{"user_id":"@dave:one.test","display_name":"Dave"}`)
		w.finds(alice, "erin@example.org", `{"user_id":"@erin:dead.test"}`)
		w.finds(alice, "nobody@example.org", ``)
		w.finds(alice, "gone@example.org", ``)
		w.finds(alice, "alice@example.org", ``)

		asked := len(w.ids.Asked)
		for _, term := range []string{"bob@", "@bob:hs.test", "bob@example", "0151 12345678", "+49", "bob example.org"} {
			w.want(term, w.search(alice, term), 200, "")
		}
		if len(w.ids.Asked) != asked {
			t.Errorf("what is no whole address is asked for: %q", w.ids.Asked[asked:])
		}
	})
}

// What an identity server does spoils no search, and what was searched for is in no log.
func TestAddressesWithoutAnIdentityServer(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice")
		w.room(w.joined("bob"))
		w.named(w.joined("example.org"), "@example.org:hs.test", "bob@example.org")
		w.ids.Bound = map[string]string{"id.test email bob@example.org": "@bob:hs.test"}
		down := idclienttest.Refusal(http.StatusForbidden, matrix.Forbidden)
		for _, fail := range []func(){func() { w.ids.Down = true }, func() { w.ids.Down, w.ids.Says = false, &down }} {
			fail()
			w.finds(alice, "bob@example.org", ``)
			w.finds(alice, "bob", `{"user_id":"@bob:hs.test"}`)
		}
		if log := w.wholeLog(); strings.Contains(log, "bob@") || !strings.Contains(log, "id.test") {
			t.Errorf("the log is %s", log)
		}
	})
}

func TestSearchesAreLimited(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.joined("bob")
		w.ids.Bound = map[string]string{"id.test email bob@example.org": "@bob:hs.test"}
		w.limit(2, false)
		w.finds(alice, "bob@example.org", `{"user_id":"@bob:hs.test"}`)
		w.finds(alice, "x", ``)
		w.want("a third", w.search(alice, "y"), 429, "M_LIMIT_EXCEEDED")
		w.want("another of the same network", w.search(bob, "y"), 429, "M_LIMIT_EXCEEDED")

		paces := w.api.Meter
		w.api.Meter = nil
		w.finds(alice, "bob@example.org", `{"user_id":"@bob:hs.test"}`)
		w.finds(alice, "bob@example.org", ``) // which is more than the budget has
		w.api.Meter = paces
	})
}
