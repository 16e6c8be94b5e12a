package verify_test

import (
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"testing"

	"signet/internal/quota"
	"signet/internal/store/storetest"
	"signet/verify"
	"signet/verify/fraud"
	"signet/verify/verifytest"
)

// Many people ask at the same moment, at three replicas: of one homeserver, for one
// country, in a database that is new. Nobody is told that the database was busy, and
// everybody gets one message.
func TestManyPeopleAtTheSameMoment(t *testing.T) {
	for name, ask := range map[string]func(t *testing.T, i int) verify.Request{
		"e-mail": func(t *testing.T, i int) verify.Request {
			return verify.Request{Address: email(t, fmt.Sprintf("user%d@example%d.org", i, i)), Caller: user(i, fmt.Sprintf("hs%d.example", i))}
		},
		"e-mail of one homeserver": func(t *testing.T, i int) verify.Request {
			return verify.Request{Address: email(t, fmt.Sprintf("user%d@gmail.com", i)), Caller: user(i, "one.example")}
		},
		"text messages": func(t *testing.T, i int) verify.Request {
			return verify.Request{Address: number(t, fmt.Sprintf("+4474%02d%06d", i%90, 100000+i*7)), Caller: user(i, fmt.Sprintf("hs%d.example", i))}
		},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.EachLaidOut(t, verifytest.Owners, func(t *testing.T, url string) {
				const people, each = 32, 4
				replicas := crowded(t, url)
				var all sync.WaitGroup
				for p := range people {
					all.Go(func() {
						for k := range each {
							i := p*each + k
							r := ask(t, i)
							r.ClientSecret, r.SendAttempt = "secret", 1
							r.Client = netip.AddrFrom4([4]byte{10, 20, byte(i >> 8), byte(i)})
							if _, err := replicas[p%len(replicas)].Request(t.Context(), r); err != nil {
								t.Errorf("request %d = %v", i, err)
							}
						}
					})
				}
				all.Wait()
				if n := len(replicas[0].Post.Sent()); n != people*each {
					t.Errorf("%d messages, want %d", n, people*each)
				}
			})
		})
	}
}

// crowded is three replicas whose shared budgets have room for everybody, and are exact.
func crowded(t *testing.T, url string) []*verifytest.World {
	t.Helper()
	budgets, err := quota.Override(verify.Budgets(false), map[string]int{
		"email.homeserver.hour": 999, "email.domain.hour": 999, "email.deployment.hour": 999,
		"sms.country.hour": 999, "sms.country.day": 9999, "sms.deployment.hour": 999, "sms.prefix.hour": 999,
	})
	if err != nil {
		t.Fatal(err)
	}
	first := verifytest.New(t, storetest.Open(t, url, nil))
	all := []*verifytest.World{first}
	for range 2 {
		all = append(all, first.Replica(t, storetest.Open(t, url, nil)))
	}
	for _, w := range all {
		w.Sending(t, fraud.Policy{Countries: []string{"GB"}, CapPerDay: fraud.Money(1_000_000_000), CapPerMonth: fraud.Money(10_000_000_000)})
		w.Verifier.Quota, err = quota.New(t.Context(), quota.Options{DB: w.DB, Vault: w.Vault, Budgets: budgets, Now: w.Clock.Now,
			Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}
