package quota_test

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"signet/internal/quota"
	"signet/internal/store/storetest"
)

// Three replicas, one of them nearly idle, are asked for more than there is, for twenty
// minutes of a budget of 40 a minute. Blocks are of 4. Neither do they let through more
// than the law says at any time, nor waste more.
func TestReplicasShareALeasedBudget(t *testing.T) {
	each(t, func(w *world) {
		const limit, block, per = 40, 4, time.Minute
		budgets := []quota.Budget{{Name: "fast", Limit: limit, Per: per}}
		replicas := []*quota.Quota{w.replicaOf(w.db, budgets), w.replicaOf(w.db, budgets), w.replicaOf(w.db, budgets)}
		random := rand.New(rand.NewPCG(3, 4))
		begin := w.clock.Now()
		var spent []time.Duration // since then
		for w.clock.Now().Sub(begin) < 20*per {
			w.clock.Advance(time.Duration(random.Int64N(int64(per / limit))))
			at := min(random.IntN(50), 48) / 24 // 24 : 24 : 2
			switch err := replicas[at].Charge(w.Context(), one("fast", "")); {
			case err == nil:
				spent = append(spent, w.clock.Now().Sub(begin))
			case !errors.As(err, new(quota.Exhausted)):
				w.Fatal(err)
			}
			if random.IntN(200) == 0 { // all rest, and come back to a full bucket
				w.clock.Advance(per)
			}
		}
		for i, from := range spent {
			for j := i; j < len(spent); j++ {
				most := limit*(1+float64(spent[j]-from)/float64(per)) + float64(block*len(replicas))
				if n := j - i + 1; float64(n) > most {
					w.Fatalf("%d between %s and %s, want %.1f at most", n, from, spent[j], most)
				}
			}
		}
		// Each wastes at most a block in each Per.
		if least := 20 * (limit - block*len(replicas)); len(spent) < least {
			w.Errorf("%d in 20 times Per, want %d", len(spent), least)
		}
	})
}

// A process that comes back from a rest spends its block beside all that the others
// spend, which is the most that can be.
func TestTheOvershootIsWhatWasUnspent(t *testing.T) {
	each(t, func(w *world) {
		w.allow(w.a, country(1))
		w.allow(w.b, country(1))
		w.clock.Advance(time.Hour - time.Second)
		if n := w.drain(); n != 2000+19+19 {
			w.Errorf("%d at once, want all 2000 and the rests of two blocks of 20", n)
		}
	})
}

// After Per nothing is left of a block.
func TestALeaseIsGivenUp(t *testing.T) {
	each(t, func(w *world) {
		w.allow(w.a, country(1))
		early := w.reserve(w.a, country(1))
		w.clock.Advance(time.Hour)
		early.Release()
		w.allow(w.a, country(1))
		if n := w.drain(); n != 1999 {
			w.Errorf("%d at once after one, want 1999", n)
		}
	})
}

// A crash loses what is unspent until it comes back; it refills nothing.
func TestARestartLosesALease(t *testing.T) {
	each(t, func(w *world) {
		w.allow(w.a, country(5))
		w.a = w.replica(w.db)
		if n := w.drain(); n != 1980 {
			w.Errorf("%d are left after a restart, want 1980", n)
		}
		w.clock.Advance(time.Minute)
		if n := w.drain(); n != 33 {
			w.Errorf("%d came back in a minute, want 33", n)
		}
	})
}

func TestALeasedBudgetTellsTheWait(t *testing.T) {
	each(t, func(w *world) {
		w.drain()
		for n := 1; n < 40; n += 3 {
			wait := w.refuse(w.a, "email.country", country(n))
			if other := w.refuse(w.b, "email.country", country(n)); other != wait {
				w.Errorf("%d must wait %s here and %s there", n, wait, other)
			}
			w.clock.Advance(wait - time.Millisecond)
			if again := w.refuse(w.b, "email.country", country(n)); again != time.Millisecond {
				w.Errorf("1 ms early, RetryAfter = %s", again)
			}
			w.clock.Advance(time.Millisecond)
			w.allow(w.a, country(n))
		}
		w.refuse(w.a, "email.country", country(2001))
	})
}

// What is in the lease shortens the wait.
func TestTheWaitCountsWhatIsLeased(t *testing.T) {
	each(t, func(w *world) {
		w.allow(w.a, country(1990))
		w.allow(w.a, country(1)) // of the block of 10 that was left
		if wait := w.refuse(w.a, "email.country", country(10)); wait != 1800*time.Millisecond {
			w.Errorf("RetryAfter = %s for one more than there are, want 1.8s", wait)
		}
		wait := w.refuse(w.a, "email.country", country(2000))
		w.clock.Advance(wait)
		w.allow(w.a, country(2000))
	})
}

func TestTheWaitCountsNothingThatIsGivenUp(t *testing.T) {
	each(t, func(w *world) {
		w.allow(w.a, country(1))
		w.clock.Advance(time.Hour - time.Second)
		w.allow(w.b, country(2000))
		if wait := w.refuse(w.a, "email.country", country(20)); wait != 36*time.Second {
			w.Errorf("RetryAfter = %s with 19 that are given up in a second, want that of 20, 36s", wait)
		}
		w.clock.Advance(36 * time.Second)
		w.allow(w.a, country(20))
	})
}

// What is refused takes nothing from the others.
func TestARefusalLeasesNothing(t *testing.T) {
	each(t, func(w *world) {
		w.allow(w.a, country(1990))
		before := w.rows()
		w.refuse(w.b, "email.country", country(11))
		if after := w.rows(); !reflect.DeepEqual(before, after) {
			w.Errorf("a refusal changed the table from %v to %v", before, after)
		}
		w.allow(w.a, country(10))
	})
}

// As long as a bucket is known to be empty, refusing writes nothing.
func TestAnEmptyBucketIsOnlyLookedAt(t *testing.T) {
	each(t, func(w *world) {
		w.drain()
		wait := w.refuse(w.a, "email.country", country(1))
		storetest.FailCommits(w, w.db, "quota_buckets")
		w.clock.Advance(wait - time.Millisecond)
		w.refuse(w.a, "email.country", country(1))
		w.clock.Advance(time.Millisecond)
		if err := w.a.Charge(w.Context(), country(1)); err == nil || errors.As(err, new(quota.Exhausted)) {
			w.Errorf("Charge = %v on a full disk, want that error", err)
		}
	})
}

func TestALeaseSparesTheDatabase(t *testing.T) {
	each(t, func(w *world) {
		changes, last := 0, w.rows()
		for range 200 {
			w.allow(w.a, country(1))
			if now := w.rows(); !reflect.DeepEqual(now, last) {
				changes, last = changes+1, now
			}
		}
		if changes != 10 {
			w.Errorf("200 charges wrote %d times, want 10", changes)
		}
		uses, err := w.b.Usage(w.Context(), 0)
		if err != nil || len(uses) != 1 || uses[0].Share < 0.099 || uses[0].Share > 0.101 {
			w.Errorf("Usage = %v, %v; want a tenth of the country's", uses, err)
		}
	})
}

func TestALeasedDryRunRefusesNothing(t *testing.T) {
	each(t, func(w *world) {
		for range 45 {
			w.allow(w.a, one("lookup.tried", "x"), one("email.network", ""))
		}
		w.wantSeen(map[string]int{"lookup.tried allowed": 40, "lookup.tried would_refuse": 5, "email.network allowed": 45})
		w.refuse(w.a, "sms.country", one("lookup.tried", "x"), one("sms.country", "x"))
		w.wantSeen(map[string]int{"lookup.tried would_refuse": 1, "sms.country refused": 1})
	})
}

// A late refund, by whoever has no reservation, is in the database.
func TestALeasedChargeIsRefunded(t *testing.T) {
	each(t, func(w *world) {
		w.allow(w.a, country(20))
		if err := w.b.Refund(w.Context(), country(20)); err != nil {
			w.Fatal(err)
		}
		if n := w.drain(); n != 2000 {
			w.Errorf("%d are left, want 2000", n)
		}
	})
}
