package verify_test

import (
	"fmt"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"testing"

	"signet/internal/quota"
	"signet/internal/store/storetest"
	"signet/verify"
	"signet/verify/verifytest"
)

// BenchmarkRequest is one message to a new address, from the request to the answer:
// two commits (the session with its message and budgets, the message's end) and a
// delivery that costs nothing.
func BenchmarkRequest(b *testing.B) {
	w := verifytest.New(b, storetest.Open(b, storetest.SQLite(b), verifytest.Owners)).Limited(b)
	w.Verifier.When = verify.OnSuspicion
	w.Verifier.Quota = unbounded(b, w)
	b.ReportAllocs()
	var n atomic.Int64
	b.SetParallelism(4) // eight on two cores, as clients come
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := int(n.Add(1))
			r := verify.Request{
				Address: email(b, fmt.Sprintf("user%d@example%d.org", i, i/10)), ClientSecret: "secret", SendAttempt: 1,
				Caller: user(i, fmt.Sprintf("hs%d.example", i/50)),
				Client: netip.AddrFrom4([4]byte{192, byte(i >> 16), byte(i >> 8), byte(i)}),
			}
			if _, err := w.Request(b.Context(), r); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// unbounded is the budgets, with no end to what the whole deployment may send.
func unbounded(b *testing.B, w *verifytest.World) *quota.Quota {
	b.Helper()
	budgets, err := quota.Override(verify.Budgets(false), map[string]int{"email.deployment.hour": 100_000_000})
	if err != nil {
		b.Fatal(err)
	}
	q, err := quota.New(b.Context(), quota.Options{DB: w.DB, Vault: w.Vault, Budgets: budgets, Now: w.Clock.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	return q
}

// BenchmarkSubmit is one wrong code, which costs a commit like the right one.
func BenchmarkSubmit(b *testing.B) {
	w := verifytest.New(b, storetest.Open(b, storetest.SQLite(b), verifytest.Owners))
	var c verify.Credentials
	for i := 0; b.Loop(); i++ {
		if i%5 == 0 {
			b.StopTimer()
			c = open(b, w, i)
			b.StartTimer()
		}
		if err := w.Submit(b.Context(), c, alice, "wrong"); err == nil {
			b.Fatal("a wrong code is right")
		}
	}
}

func open(b *testing.B, w *verifytest.World, i int) verify.Credentials {
	b.Helper()
	sid, err := w.Request(b.Context(), verify.Request{
		Address: email(b, fmt.Sprintf("user%d@example.org", i)), ClientSecret: "secret", Caller: alice, SendAttempt: 1,
	})
	if err != nil {
		b.Fatal(err)
	}
	return verify.Credentials{SID: sid, ClientSecret: "secret"}
}
