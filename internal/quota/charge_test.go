package quota_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"signet/internal/quota"
)

func TestABudgetIsUsedUpAndComesBack(t *testing.T) {
	each(t, func(w *world) {
		c := one("email.account", alice)
		for range 7 {
			w.allow(w.a, c)
		}
		wait := w.refuse(w.b, "email.account", c) // the other replica knows
		w.clock.Advance(wait - time.Millisecond)
		if again := w.refuse(w.a, "email.account", c); again != time.Millisecond {
			w.Errorf("1 ms early, RetryAfter = %s", again)
		}
		w.clock.Advance(time.Millisecond)
		w.allow(w.b, c)
		w.refuse(w.a, "email.account", c)

		w.clock.Advance(100 * time.Hour) // it fills to the brim, not above
		w.allow(w.a, quota.Charge{Budget: "email.account", Subject: alice, N: 7})
		w.refuse(w.a, "email.account", c)
		w.allow(w.a, one("email.account", "bob@example.org")) // whose own is full
		w.wantSeen(map[string]int{"email.account allowed": 10, "email.account refused": 4})
	})
}

func TestTheWaitIsExactForEveryAmount(t *testing.T) {
	each(t, func(w *world) {
		for n := 1; n <= 7; n++ {
			subject := fmt.Sprint("subject ", n)
			w.clock.Advance(time.Duration(n) * 1234567 * time.Nanosecond) // clocks are finer than the wait
			w.allow(w.a, quota.Charge{Budget: "email.account", Subject: subject, N: 7})
			c := quota.Charge{Budget: "email.account", Subject: subject, N: n}
			wait := w.refuse(w.a, "email.account", c)
			if ideal := time.Duration(n) * time.Hour / 7; wait%time.Millisecond != 0 || wait < ideal || wait > ideal+time.Millisecond {
				w.Errorf("%d come back after %s, want %s", n, wait, ideal)
			}
			w.clock.Advance(wait - time.Millisecond)
			w.refuse(w.a, "email.account", c)
			w.clock.Advance(time.Millisecond)
			w.allow(w.a, c)
		}
	})
}

func TestALargeLimitIsExact(t *testing.T) {
	each(t, func(w *world) {
		c := one("lookup.account", alice)
		w.allow(w.a, quota.Charge{Budget: c.Budget, Subject: alice, N: 999_999})
		w.allow(w.a, c)
		if wait := w.refuse(w.a, c.Budget, c); wait != 4*time.Millisecond { // 3.6
			w.Errorf("RetryAfter = %s, want 4ms", wait)
		}
		w.clock.Advance(time.Hour - time.Nanosecond)
		w.refuse(w.a, c.Budget, quota.Charge{Budget: c.Budget, Subject: alice, N: 1_000_000})
		w.clock.Advance(time.Nanosecond)
		w.allow(w.a, quota.Charge{Budget: c.Budget, Subject: alice, N: 1_000_000})
	})
}

func TestRoundingGivesNobodyMore(t *testing.T) {
	each(t, func(w *world) {
		all := quota.Charge{Budget: "email.account", Subject: alice, N: 7}
		w.allow(w.a, all)
		w.clock.Advance(time.Hour - time.Nanosecond)
		w.refuse(w.a, "email.account", all)
		w.clock.Advance(7 * time.Nanosecond) // less than one for each
		w.allow(w.a, all)
	})
}

func TestTheLongestWaitIsTold(t *testing.T) {
	each(t, func(w *world) {
		w.allow(w.a, quota.Charge{Budget: "email.destination", Subject: alice, N: 3}, quota.Charge{Budget: "email.account", Subject: "@a:x", N: 7})
		both := []quota.Charge{one("email.destination", alice), one("email.account", "@a:x")}
		w.clock.Advance(w.refuse(w.a, "email.account", both...))
		w.allow(w.a, both...)
	})
}

func TestChargesOfOneSubjectAddUp(t *testing.T) {
	each(t, func(w *world) {
		c := one("email.destination", alice)
		if wait := w.refuse(w.a, "email.destination", c, c, c, c); wait != 10*time.Minute {
			w.Errorf("RetryAfter = %s, want Per", wait)
		}
		w.allow(w.a, c, c)
		w.clock.Advance(w.refuse(w.a, "email.destination", c, c))
		w.allow(w.a, c, c)
	})
}

func TestWhatNeverFitsIsRefused(t *testing.T) {
	each(t, func(w *world) {
		for _, c := range []quota.Charge{
			{Budget: "email.account", Subject: alice, N: 8},
			{Budget: "email.account", Subject: alice, N: 1 << 62},
			{Budget: "sms.country", Subject: "DE", N: 1},
		} {
			if wait := w.refuse(w.a, c.Budget, c, one("email.deployment", "")); wait != time.Hour {
				w.Errorf("Charge(%v) waits %s, want Per", c, wait)
			}
		}
		huge := quota.Charge{Budget: "email.account", Subject: alice, N: 1 << 62}
		w.refuse(w.a, "email.account", huge, huge) // whose sum is beyond 64 bits
		if used, err := w.a.Usage(w.Context(), 0); err != nil || len(used) != 0 {
			w.Errorf("Usage = %v, %v; want nothing used", used, err)
		}
	})
}

func TestADryRunRefusesNothing(t *testing.T) {
	each(t, func(w *world) {
		for range 5 {
			w.allow(w.a, one("sms.tried", "DE"), one("email.deployment", ""))
		}
		w.wantSeen(map[string]int{"sms.tried allowed": 2, "sms.tried would_refuse": 3, "email.deployment allowed": 5})
		w.refuse(w.a, "sms.country", one("sms.tried", "DE"), one("sms.country", "DE"), one("email.deployment", ""))
		w.wantSeen(map[string]int{"sms.tried would_refuse": 1, "sms.country refused": 1})
		w.clock.Advance(time.Hour)
		w.allow(w.a, one("sms.tried", "DE"))
		w.wantSeen(map[string]int{"sms.tried allowed": 1})
	})
}

// A thousand and one random charges are decided as by the textbook: tokens that
// trickle into a bucket which holds three.
func TestItIsATokenBucket(t *testing.T) {
	each(t, func(w *world) {
		const token = 200 * time.Second // of email.destination
		random := rand.New(rand.NewPCG(1, 2))
		level := 3 * token
		for i := range 1001 {
			passed := time.Duration(random.Int64N(int64(400 * time.Second)))
			w.clock.Advance(passed)
			level = min(level+passed, 3*token)
			n := 1 + random.IntN(3)
			err := w.a.Charge(w.Context(), quota.Charge{Budget: "email.destination", Subject: alice, N: n})
			if fits := level >= time.Duration(n)*token; fits != (err == nil) {
				w.Fatalf("charge %d of %d at a level of %s = %v", i, n, level, err)
			} else if fits {
				level -= time.Duration(n) * token
			}
		}
	})
}
