package fedapi_test

import (
	"fmt"
	"net/url"
	"testing"

	"signet/internal/homeserver/fedapi"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
	"signet/internal/quota"
)

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
