package clientapi_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"signet/internal/homeserver/clientapi"
	"signet/internal/idclient/idclienttest"
	"signet/internal/quota"
)

// The budgets of the first day are a tenth of the usual ones, those of the first week three.
func TestBudgetsOfNewAccounts(t *testing.T) {
	got := map[string]int{}
	for _, b := range clientapi.Paces(false) {
		if strings.HasPrefix(b.Name, "send.user") || strings.HasPrefix(b.Name, "invite.user") {
			got[b.Name] = b.Limit
		}
	}
	want := map[string]int{
		"send.user.day1": 600, "send.user.week1": 1800, "send.user": 6000,
		"invite.user.day1": 30, "invite.user.week1": 90, "invite.user": 300,
	}
	if !maps.Equal(got, want) {
		t.Errorf("Paces are %v, want %v", got, want)
	}
	if _, err := quota.Override(clientapi.Paces(false), map[string]int{"invite.user.day1": 5}); err != nil {
		t.Error(err)
	}
}

// meter has the built-in paces.
func (w *world) meter() {
	w.Helper()
	var err error
	if w.api.Meter, err = quota.NewMeter(quota.MeterOptions{Budgets: clientapi.Paces(false), Now: w.clock.Now}); err != nil {
		w.Fatal(err)
	}
}

// invites makes a room with so many who are invited.
func (w *world) invites(token string, n int) answer {
	var guests []string
	for i := range n {
		guests = append(guests, fmt.Sprintf("%q", fmt.Sprintf("@guest%d:hs.test", i)))
	}
	return w.call(token, "POST /createRoom", `{"invite":[`+strings.Join(guests, ",")+`]}`)
}

// Somebody new invites 30 people in an hour of the first day and 90 in one of the first week;
// whoever the operator knows is not held to it.
func TestNewAccountsInviteFew(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice")
		w.meter()
		steps := []struct {
			age  time.Duration
			n    int
			want int
		}{
			{0, 31, 429}, {0, 30, 200}, {0, 1, 429},
			{23 * time.Hour, 31, 429},
			{24 * time.Hour, 91, 429}, {24 * time.Hour, 80, 200}, {24 * time.Hour, 11, 429},
			{7*24*time.Hour - time.Second, 91, 429},
			{7 * 24 * time.Hour, 91, 200},
		}
		began := w.clock.Now()
		for _, s := range steps {
			w.clock.Advance(began.Add(s.age).Sub(w.clock.Now()))
			if a := w.invites(alice, s.n); a.status != s.want {
				w.Errorf("%d invitations after %v = %d %s, want %d", s.n, s.age, a.status, a.text, s.want)
			}
		}
		w.want("31 of an account by the operator", w.invites(w.byOperator("olga"), 31), 200, "")
		made := w.do("POST", sharedPath, w.sharedBody("sam", sharedSecret, false))
		w.want("an account by the shared secret", made, 200, "")
		w.want("31 of it", w.invites(made.str("access_token"), 31), 200, "")
	})
}

// By whichever way somebody is invited, it counts, and for a new account twice; what is no
// invitation does not.
func TestInvitationsCountByEveryWay(t *testing.T) {
	eachIdentity(t, func(w *world, _ *idclienttest.Server) {
		for _, b := range []string{"invite.user", "invite.user.day1"} {
			alice := w.joined("alice" + strings.ReplaceAll(b, ".", "-"))
			id := w.newRoom(alice, `{}`)
			state := "PUT /rooms/" + id + "/state/m.room.member/"
			for n, way := range []struct{ call, body string }{
				{"POST /rooms/" + id + "/invite", `{"user_id":"@one:hs.test"}`},
				{"POST /rooms/" + id + "/invite", addressed(nil)},
				{"POST /createRoom", `{"invite":["@one:hs.test"]}`},
				{"POST /createRoom", `{"invite_3pid":[` + addressed(nil) + `]}`},
				{state + "@two:hs.test", `{ "membership" : "invite" }`},
			} {
				w.paces(b, 1)
				w.want(b+": "+way.call, w.call(alice, way.call, way.body), 200, "")
				for _, next := range []struct{ call, body string }{
					way, {state + "@three:hs.test", `{"membership":"invite"}`}, {"POST /createRoom", `{"invite":["@one:hs.test"]}`},
				} {
					w.want(fmt.Sprintf("%s: %s after %s", b, next.call, way.call), w.call(alice, next.call, next.body), 429, "M_LIMIT_EXCEEDED")
				}
				for _, other := range []string{"ban", "leave"} {
					w.want(other, w.call(alice, fmt.Sprintf("%s@four%d:hs.test", state, n), `{"membership":"`+other+`"}`), 200, "")
				}
			}
		}
	})
}

// paces are the built-in ones but for one budget.
func (w *world) paces(name string, limit int) {
	w.Helper()
	budgets := clientapi.Paces(false)
	for i := range budgets {
		if budgets[i].Name == name {
			budgets[i].Limit = limit
		}
	}
	var err error
	if w.api.Meter, err = quota.NewMeter(quota.MeterOptions{Budgets: budgets, Now: w.clock.Now}); err != nil {
		w.Fatal(err)
	}
}

// What a new account sends is counted, and nothing that is for itself alone.
func TestNewAccountsSendFew(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice")
		room := w.room(alice)
		w.paces("send.user.day1", 2)
		w.say(alice, room, "1", `{}`)
		w.say(alice, room, "2", `{}`)
		w.want("a third", w.call(alice, "PUT /rooms/"+room+"/send/m.room.message/3", `{}`), 429, "M_LIMIT_EXCEEDED")
		w.want("typing", w.call(alice, "PUT /rooms/"+room+"/typing/@alice:hs.test", `{"typing":false}`), 200, "")
		w.clock.Advance(24 * time.Hour)
		for n := range 5 {
			w.say(alice, room, fmt.Sprint("later", n), `{}`)
		}
	})
}
