package clientapi_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"signet/internal/homeserver/clientapi"
	"signet/internal/quota"
)

// limit lets each budget have so many.
func (w *world) limit(n int, dryRun bool) {
	w.Helper()
	budgets := clientapi.Budgets(dryRun)
	for i := range budgets {
		budgets[i].Limit, budgets[i].Per = n, time.Hour
	}
	q, err := quota.New(w.Context(), quota.Options{DB: w.db, Vault: w.vault, Budgets: budgets, Now: w.clock.Now})
	if err != nil {
		w.Fatal(err)
	}
	w.api.Quota = q
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
	})
}
