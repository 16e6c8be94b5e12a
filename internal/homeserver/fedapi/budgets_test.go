package fedapi_test

import (
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/fedapi"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
	"signet/internal/quota"
)

// Servers of one owner invite somebody only so often, under whatever names and by either
// endpoint; they are told when they may again, and others, and the others here, feel nothing.
func TestInvitationsOfOnePerson(t *testing.T) {
	each(t, func(w *world) {
		budgets := fedapi.Budgets(false)
		for i := range budgets {
			if budgets[i].Name == "federation.invite.user" {
				budgets[i].Limit = 2
			}
		}
		var err error
		w.api.Quota, err = quota.New(w.Context(), quota.Options{DB: w.db, Vault: w.vault, Budgets: budgets, Now: w.clock.Now})
		w.ok(err)
		w.register("alice")
		w.register("bob")
		invite := func(server matrix.ServerName, user string) answer {
			f := w.peer(server).room(event.V11)
			return f.bring(f.event("m.room.member", user, `{"membership":"invite"}`), f.create)
		}
		for i, status := range []int{200, 200, 429} {
			a := invite(matrix.ServerName(fmt.Sprintf("s%d.remote.example", i)), string(alice))
			if a.status != status {
				w.Errorf("invitation no. %d = %d %s, want %d", i, a.status, a.body, status)
			}
			if status == 429 && (a.json()["errcode"] != string(matrix.LimitExceededCode) || a.json()["retry_after_ms"] != 1800_000.0) {
				w.Errorf("once too often: %s", a.body)
			}
		}
		f := w.peer("remote.example").room(event.V1)
		w.wants("by the first endpoint", f.do("PUT", "/_matrix/federation/v1/invite/!r:remote.example/$e", string(f.invitation().JSON())), 429, matrix.LimitExceededCode)
		if w.invited(f.id) {
			w.Error("Alice is invited all the same")
		}
		w.wants("another person", invite("s9.remote.example", "@bob:"+server.String()), 200, "")
		w.wants("another owner", invite("other.example", string(alice)), 200, "")
		charge := func(by, user matrix.UserID) error { return fedapi.ChargeInvitation(w.Context(), w.api.Quota, by, user) }
		if _, exceeded := errors.AsType[matrix.LimitExceeded](charge("@x:s1.remote.example", alice)); !exceeded {
			w.Error("as an event of a room Alice may be invited all the same")
		}
		if err := charge("@x:s1.remote.example", "@carol:hs.test"); err != nil {
			w.Error(err)
		}
		w.clock.Advance(30 * time.Minute)
		w.wants("half an hour later", invite("s9.remote.example", string(alice)), 200, "")
	})
}

// What a server has others do for it is limited, whatever names its owner gives to more of
// them; others are not held to it, and reading is not limited.
func TestBudgets(t *testing.T) {
	each(t, func(w *world) {
		budgets := fedapi.Budgets(false)
		for i := range budgets {
			budgets[i].Limit = 2
		}
		var err error
		w.api.Quota, err = quota.New(w.Context(), quota.Options{DB: w.db, Vault: w.vault, Budgets: budgets, Now: w.clock.Now})
		w.ok(err)
		id := w.create(room.Creation{Preset: room.PublicChat})
		for i, status := range []int{200, 200, 429} {
			p := w.peer(matrix.ServerName(fmt.Sprintf("s%d.remote.example", i)))
			a := p.getf(fed+"/make_join/%s/%s%s", id, url.PathEscape("@x:"+p.name.String()), all)
			if a.status != status {
				w.Errorf("make_join no. %d = %d %s, want %d", i, a.status, a.body, status)
			}
			if a := p.do("POST", fed+"/user/keys/claim", `{"one_time_keys":{}}`); a.status != status {
				w.Errorf("claim no. %d = %d %s, want %d", i, a.status, a.body, status)
			}
			if a := p.do("PUT", "/_matrix/federation/v2/invite/"+id+"/$x", `{}`); (a.status == 429) != (status == 429) {
				w.Errorf("invite no. %d = %d %s", i, a.status, a.body)
			}
			w.wants("reading", p.get(fed+"/query/profile?user_id=@nobody:hs.test"), 404, matrix.NotFound)
		}
		p := w.peer("other.example")
		if a := p.getf(fed+"/make_join/%s/%s%s", id, url.PathEscape("@x:other.example"), all); a.status != 200 {
			w.Errorf("another owner's make_join = %d %s", a.status, a.body)
		}
	})
}
