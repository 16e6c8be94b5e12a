package clientapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"signet/internal/homeserver/clientapi"
	"signet/internal/quota"
)

// limit lets each budget have so many.
func (w *world) limit(n int, dryRun bool) {
	w.Helper()
	stored, metered := clientapi.Budgets(dryRun), clientapi.Paces(dryRun)
	for _, budgets := range [][]quota.Budget{stored, metered} {
		for i := range budgets {
			budgets[i].Limit, budgets[i].Per = n, time.Hour
		}
	}
	var err error
	if w.api.Quota, err = quota.New(w.Context(), quota.Options{DB: w.db, Vault: w.vault, Budgets: stored, Now: w.clock.Now}); err != nil {
		w.Fatal(err)
	}
	if w.api.Meter, err = quota.NewMeter(quota.MeterOptions{Budgets: metered, Now: w.clock.Now}); err != nil {
		w.Fatal(err)
	}
}

// Who asks for keys is limited by the users whose keys they are.
func TestAskingForKeysIsLimited(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.joined("bob")
		w.limit(3, false)
		ask := func(token, network, users string) answer {
			return w.do("POST", v3+"/keys/query", `{"device_keys":{`+users+`}}`, bearer(token), "X-Forwarded-For: "+network)
		}
		w.want("two users", ask(alice, "192.0.2.1", `"@alice:hs.test":[],"@bob:hs.test":[]`), 200, "")
		w.want("two more", ask(alice, "192.0.2.2", `"@alice:hs.test":[],"@bob:hs.test":[]`), 429, "M_LIMIT_EXCEEDED")
		w.want("nobody", ask(alice, "192.0.2.3", ``), 200, "")
		w.want("nobody again", ask(alice, "192.0.2.4", ``), 429, "M_LIMIT_EXCEEDED")
		w.want("another user", ask(bob, "192.0.2.1", `"@bob:hs.test":[]`), 200, "")
		w.want("of the same network", ask(bob, "192.0.2.1", `"@bob:hs.test":[]`), 429, "M_LIMIT_EXCEEDED")
	})
}

// Reports wait for people to read them.
func TestReportsAreLimited(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.joined("bob")
		id := w.room(alice)
		said := w.say(alice, id, "1", `{}`)
		w.limit(2, false)
		w.want("a report of a room", w.call(alice, "POST /rooms/"+id+"/report", `{"reason":"x"}`), 200, "")
		w.want("a report of an event", w.call(alice, "POST /rooms/"+id+"/report/"+said, `{}`), 200, "")
		w.want("a third", w.call(alice, "POST /rooms/"+id+"/report", `{}`), 429, "M_LIMIT_EXCEEDED")
		w.want("another's", w.call(bob, "POST /rooms/"+id+"/report", `{}`), 200, "")
		w.want("what else alice stores", w.call(alice, "PUT /user/@alice:hs.test/account_data/x", `{}`), 200, "")
	})
}

// Messages to devices are limited by what is kept of them, each device's own.
func TestFillingDevicesIsLimited(t *testing.T) {
	eachTwo(t, func(w *world, alice, bob phone) {
		w.limit(3, false)
		send := func(txn, content string) answer {
			return w.by(alice, "PUT", "/sendToDevice/t/"+txn, `{"messages":{"@bob:hs.test":{"*":{"x":"`+content+`"}}}}`)
		}
		w.want("two KiB", send("1", strings.Repeat("x", 1500)), 200, "")
		w.want("the same again", send("1", strings.Repeat("x", 100)), 200, "")
		w.want("one more", send("2", ""), 429, "M_LIMIT_EXCEEDED")
		if a := w.by(bob, "GET", "/sync", ""); strings.Count(a.text, `"type":"t"`) != 1 {
			w.Errorf("bob is told %s", a.text)
		}
	})
}

// What people do in rooms is limited by the user, and by the network that they come from;
// each invitation of a new room counts.
func TestPaces(t *testing.T) {
	each(t, func(w *world) {
		alice, bob, carol := w.joined("alice"), w.joined("bob"), w.joined("carol")
		id := w.room(alice)
		said := w.say(alice, id, "1", `{}`)
		calls := []struct{ call, body string }{
			{"PUT /rooms/" + id + "/send/m.room.message/%d", `{}`},
			{"PUT /rooms/" + id + "/state/m.room.topic", `{"topic":"%d"}`},
			{"PUT /rooms/" + id + "/redact/" + said + "/%d", `{}`},
			{"POST /rooms/" + id + "/kick", `{"user_id":"@none:hs.test"}`},
			{"POST /join/" + id, `{}`},
			{"POST /knock/" + id, `{}`},
			{"POST /rooms/" + id + "/invite", `{"user_id":"@bob:hs.test"}`},
			{"POST /createRoom", `{}`},
			{"POST /rooms/" + id + "/upgrade", `{"new_version":"none"}`},
			{"POST /rooms/" + id + "/receipt/m.read/" + said, `{}`},
			{"PUT /rooms/" + id + "/typing/@alice:hs.test", `{"typing":false}`},
		}
		from := func(token, network string, n int, call, body string) answer {
			method, path, _ := strings.Cut(call, " ")
			return w.do(method, v3+strings.Replace(path, "%d", fmt.Sprint("t", n), 1), strings.Replace(body, "%d", fmt.Sprint(n), 1), bearer(token), "X-Forwarded-For: "+network)
		}
		for _, call := range calls {
			w.limit(2, false)
			for n := range 2 {
				if a := from(alice, "192.0.2.1", n, call.call, call.body); a.status == http.StatusTooManyRequests {
					w.Errorf("%s = %d %s", call.call, a.status, a.text)
				}
			}
			a := from(alice, "192.0.2.2", 2, call.call, call.body)
			w.want(call.call+" once too often", a, 429, "M_LIMIT_EXCEEDED")
			if a.header.Get("Retry-After") != "1800" || a.json["retry_after_ms"] != 1800_000.0 {
				w.Errorf("%s once too often = %s with Retry-After %q, want half an hour", call.call, a.text, a.header.Get("Retry-After"))
			}
			if strings.Contains(call.call, "@alice") {
				continue
			}
			w.want(call.call+" by bob, of the same network", from(bob, "192.0.2.1", 3, call.call, call.body), 429, "M_LIMIT_EXCEEDED")
			if a := from(bob, "192.0.2.3", 4, call.call, call.body); a.status == http.StatusTooManyRequests {
				w.Errorf("%s by bob = %d %s", call.call, a.status, a.text)
			}
		}
		w.limit(2, false)
		w.want("a room of three", w.call(carol, "POST /createRoom", `{"invite":["@a:hs.test","@b:hs.test","@c:hs.test"]}`), 429, "M_LIMIT_EXCEEDED")
		if rooms := w.call(carol, "GET /joined_rooms", ""); rooms.text != `{"joined_rooms":[]}` {
			w.Errorf("carol's rooms are %s", rooms.text)
		}
		w.limit(1, true)
		for n := range 5 {
			w.say(alice, id, fmt.Sprint("dry", n), `{}`)
		}
	})
}

// Every request that costs something is limited: those without an account by their
// network, the others by their account, whoever else comes from there.
func TestLimits(t *testing.T) {
	each(t, func(w *world) {
		token, bobs := w.joined("alice"), w.joined("bob")
		w.limit(2, false)
		calls := []struct{ method, path, body string }{
			{"POST", "/register", `{}`}, {"GET", "/register/available?username=x", ""}, {"POST", "/login", `{}`}, {"POST", "/refresh", `{}`},
			{"POST", "/account/password", `{}`}, {"PUT", "/profile/@alice:hs.test/displayname", `{}`},
		}
		for _, call := range calls {
			for range 2 {
				if a := w.do(call.method, v3+call.path, call.body, bearer(token)); a.status == http.StatusTooManyRequests {
					w.Errorf("%s = %d %s", call.path, a.status, a.text)
				}
			}
			a := w.do(call.method, v3+call.path, call.body, bearer(token))
			w.want(call.path+" once too often", a, 429, "M_LIMIT_EXCEEDED")
			if a.header.Get("Retry-After") != "1800" || a.json["retry_after_ms"] != 1800_000.0 {
				w.Errorf("%s once too often = %s with Retry-After %q, want half an hour", call.path, a.text, a.header.Get("Retry-After"))
			}
		}
		w.want("Bob", w.do("PUT", v3+"/profile/@bob:hs.test/displayname", `{"displayname":"B"}`, bearer(bobs)), 200, "")
		w.want("reading", w.do("GET", v3+"/devices", "", bearer(token)), 200, "")
		w.clock.Advance(30 * time.Minute)
		w.want("half an hour later", w.do("PUT", v3+"/profile/@alice:hs.test/displayname", `{"displayname":"A"}`, bearer(token)), 200, "")
	})
}

// Whoever has a whole IPv6 site does not have a budget for each of its networks; others
// are not held to it.
func TestLimitsOfNetworks(t *testing.T) {
	each(t, func(w *world) {
		w.limit(2, false)
		for _, step := range []struct {
			from   string
			status int
		}{
			{"192.0.2.1", 401}, {"192.0.2.1", 401}, {"192.0.2.1", 429}, {"192.0.2.2", 401},
			{"2001:db8:1:1::1", 401}, {"2001:db8:1:2::1", 401}, {"2001:db8:1:3::1", 429}, {"2001:db8:2:1::1", 401}, {"2001:db8:2:1::2", 401}, {"2001:db8:2:1::3", 429},
			{"unknown", 401}, {"unknown", 401}, {"unknown", 401},
		} {
			if a := w.do("POST", v3+"/register", `{}`, "X-Forwarded-For: "+step.from); a.status != step.status {
				w.Errorf("from %s = %d %s, want %d", step.from, a.status, a.text, step.status)
			}
		}
	})
}

func TestLimitsInADryRun(t *testing.T) {
	each(t, func(w *world) {
		w.limit(1, true)
		for n := range 4 {
			w.joined(fmt.Sprint("user", n))
		}
	})
}

// The built-in limits can be kept together.
func TestBudgets(t *testing.T) {
	each(t, func(w *world) {
		if _, err := quota.New(w.Context(), quota.Options{DB: w.db, Vault: w.vault, Budgets: clientapi.Budgets(false), Now: w.clock.Now}); err != nil {
			w.Error(err)
		}
		if _, err := quota.NewMeter(quota.MeterOptions{Budgets: clientapi.Paces(false), Now: w.clock.Now}); err != nil {
			w.Error(err)
		}
	})
}
