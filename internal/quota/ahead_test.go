package quota_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
	"time"

	"signet/internal/quota"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// Five hundred and twelve requests that share an exact subject are no rivals: not one
// runs again.
func TestWhoSharesAnExactBudgetIsNoRival(t *testing.T) {
	each(t, func(w *world) {
		createRequests(w, w.db)
		var seen tally
		if err := seen.rush(w.Context(), "test", w.a, w.b); err != nil || seen.runs.Load() != 512 {
			w.Errorf("512 requests ran %d times, and %d failed, such as by %v", seen.runs.Load(), seen.failed.Load(), err)
		}
		if used := w.used("email.network", time.Hour/1000); used != 512 {
			w.Errorf("512 requests used %d", used)
		}
	})
}

// Two hundred at once, on three replicas, ask for one to three of each of some scarce
// budgets; a third of them fail and come to nothing. No budget lets through more than it
// has, and what stands in the end is what was kept, to the last one.
func TestNobodyGetsBeyondALimit(t *testing.T) {
	limits := map[string]int64{"email.deployment": 20, "email.account": 7, "email.destination": 3}
	each(t, func(w *world) {
		replicas := []*quota.Quota{w.a, w.b, w.replica(w.db)}
		var mu sync.Mutex
		kept := map[string]int64{}
		var rivals sync.WaitGroup
		for i := range 200 {
			random := rand.New(rand.NewPCG(uint64(i), 5))
			rivals.Go(func() {
				charges := []quota.Charge{
					{Budget: "email.deployment", N: 1 + random.IntN(3)},
					{Budget: "email.account", Subject: fmt.Sprint(random.IntN(3)), N: 1 + random.IntN(2)},
					{Budget: "email.destination", Subject: fmt.Sprint(random.IntN(5)), N: 1}}
				r := w.reserve(replicas[i%3], charges...)
				defer r.Release()
				var undone error
				if i%3 == 0 {
					undone = errors.New("undone")
				}
				err := w.inTx(r, undone)
				switch {
				case err == nil:
					r.Keep()
					mu.Lock()
					defer mu.Unlock()
					for _, c := range charges {
						kept[c.Budget+" "+c.Subject] += int64(c.N)
						kept[c.Budget] += int64(c.N)
						if kept[c.Budget+" "+c.Subject] > limits[c.Budget] {
							w.Errorf("%d are kept of %s", kept[c.Budget+" "+c.Subject], c.Budget)
						}
					}
				case undone == nil && !errors.As(err, new(quota.Exhausted)):
					w.Error(err)
				}
			})
		}
		rivals.Wait()
		for budget, interval := range map[string]time.Duration{"email.deployment": time.Hour / 20, "email.account": time.Hour / 7, "email.destination": 200 * time.Second} {
			if used := w.used(budget, interval); used != kept[budget] || used == 0 {
				w.Errorf("%d are used of %s, and %d were kept", used, budget, kept[budget])
			}
		}
	})
}

// A process that dies between Reserve and Keep leaves what was charged ahead used up, and
// nothing else.
func TestACrashRefillsNothing(t *testing.T) {
	each(t, func(w *world) {
		charges := []quota.Charge{{Budget: "email.destination", Subject: alice, N: 3}, one("email.deployment", "")}
		w.reserve(w.a, charges...)
		if w.a = w.replica(w.db); w.db.Engine() == store.SQLite {
			w.allow(w.a, charges...)
			return
		}
		wait := w.refuse(w.a, "email.destination", charges...)
		w.clock.Advance(wait)
		w.allow(w.b, charges...)
	})
}

func TestReleaseOutlivesTheCaller(t *testing.T) {
	each(t, func(w *world) {
		ctx, leave := context.WithCancel(w.Context())
		r, err := w.a.Reserve(ctx, one("email.deployment", ""), country(1))
		if err != nil {
			w.Fatal(err)
		}
		leave()
		if err := w.db.Tx(ctx, func(tx *store.Tx) error { return r.ChargeIn(ctx, tx) }); !errors.Is(err, context.Canceled) {
			w.Errorf("Tx = %v, want it cancelled", err)
		}
		r.Release()
		w.allow(w.a, quota.Charge{Budget: "email.deployment", N: 20})
	})
}

func TestWhatCannotBeReleasedComesBack(t *testing.T) {
	each(t, func(w *world) {
		charges := []quota.Charge{{Budget: "email.destination", Subject: alice, N: 3}}
		r := w.reserve(w.a, charges...)
		if w.db.Engine() == store.PostgreSQL { // whose Release writes
			storetest.FailCommits(w, w.db, "quota_buckets")
			r.Release()
			w.clock.Advance(w.refuse(w.b, "email.destination", charges...) - time.Millisecond)
			w.refuse(w.b, "email.destination", charges...)
			return
		}
		r.Release()
		w.allow(w.b, charges...)
	})
}

// A transaction that found nothing to charge has charged nothing, even if it is kept.
func TestWhatChargeInDidNotChargeIsNotKept(t *testing.T) {
	each(t, func(w *world) {
		r := w.reserve(w.a, one("email.deployment", ""), country(1))
		r.Keep()
		if used := w.used("email.deployment", 3*time.Minute); used != 0 {
			w.Errorf("%d are used", used)
		}
		w.wantSeen(nil)
		if left := w.drain(); left != 2000 {
			w.Errorf("%d of the country's 2000 are left", left)
		}
	})
}

// What was charged within the transaction that gives it back never was.
func TestARefundInTheSameTransaction(t *testing.T) {
	each(t, func(w *world) {
		charges := []quota.Charge{{Budget: "email.destination", Subject: alice, N: 3}, country(1), {Budget: "sms.tried", N: 3}}
		r := w.reserve(w.a, charges...)
		err := w.db.Tx(w.Context(), func(tx *store.Tx) error {
			return errors.Join(r.ChargeIn(w.Context(), tx), r.RefundIn(w.Context(), tx))
		})
		if r.Release(); err != nil {
			w.Error(err)
		}
		w.wantSeen(nil)
		w.allow(w.b, charges...)
	})
}

// lockRow keeps a budget's one row locked, as a statement under way does, until unlock sets
// when the bucket is full.
func (w *world) lockRow(budget string) (pid int, unlock func(full int64)) {
	w.Helper()
	for _, r := range w.rows() {
		if r.budget == budget {
			return w.lockTag(r.tag)
		}
	}
	w.Fatalf("%s has no row", budget)
	return 0, nil
}

// lockTag is lockRow of the row with the tag.
func (w *world) lockTag(tag []byte) (pid int, unlock func(full int64)) {
	w.Helper()
	locked, end, ended := make(chan int), make(chan int64), make(chan error)
	go func() {
		ended <- w.db.Tx(w.Context(), func(tx *store.Tx) error {
			var pid int
			if err := tx.QueryRow(w.Context(), `SELECT pg_backend_pid() FROM quota_buckets WHERE tag = $1 FOR UPDATE`, tag).Scan(&pid); err != nil {
				close(locked)
				return err
			}
			locked <- pid
			_, err := tx.Exec(w.Context(), `UPDATE quota_buckets SET full_ns = $1 WHERE tag = $2`, <-end, tag)
			return err
		})
	}()
	pid, ok := <-locked
	if !ok {
		w.Fatal(<-ended)
	}
	return pid, func(full int64) {
		end <- full
		if err := <-ended; err != nil {
			w.Error(err)
		}
	}
}

// A refusal waits for nobody's row, and nobody waits for it.
func TestARefusalIsInNobodysWay(t *testing.T) {
	each(t, func(w *world) {
		if w.db.Engine() == store.SQLite {
			return // it has no rows to lock
		}
		w.allow(w.a, quota.Charge{Budget: "email.destination", Subject: alice, N: 3}, one("email.deployment", ""))
		_, unlock := w.lockRow("email.deployment")
		w.refuse(w.b, "email.destination", one("email.destination", alice), one("email.deployment", ""))
		unlock(w.clock.Now().UnixNano())
	})
}

// Whoever lost the last of one budget to a rival gives the others back at once, and never
// more than it took: what came back by itself meanwhile is not given back again.
func TestWhatIsUndoneHasNotComeBackTwice(t *testing.T) {
	each(t, func(w *world) {
		if w.db.Engine() == store.SQLite {
			return // it has no rivals
		}
		account := quota.Charge{Budget: "email.account", Subject: alice, N: 1}
		w.allow(w.a, account)
		pid, unlock := w.lockRow("email.account")

		calls := 0
		slow := w.replicaAt(func() time.Time {
			if calls++; calls == 2 { // of undo
				w.clock.Advance(100 * time.Second)
				w.allow(w.b, quota.Charge{Budget: "email.destination", Subject: alice, N: 2})
			}
			return w.clock.Now()
		})
		refused := make(chan error)
		go func() { refused <- slow.Charge(w.Context(), account, one("email.destination", alice)) }()
		storetest.AwaitBlocked(w, w.db, pid)
		unlock(w.clock.Now().Add(time.Hour).UnixNano())
		if err := <-refused; !errors.As(err, new(quota.Exhausted)) || calls != 2 {
			w.Errorf("Charge = %v, and asked %d times what time it is", err, calls)
		}
		// 200 s for each of two that stand.
		for _, r := range w.rows() {
			if debt := time.Duration(r.full - w.clock.Now().UnixNano()); r.budget == "email.destination" && debt != 400*time.Second {
				w.Errorf("it is full again in %s, want 400 s", debt)
			}
		}
	})
}

// A statement locks its rows in the order of their tags, however they are named, so no
// two wait for each other in a circle.
func TestRowsAreLockedInTheOrderOfTags(t *testing.T) {
	each(t, func(w *world) {
		if w.db.Engine() == store.SQLite {
			return // it has no rows to lock
		}
		var charges []quota.Charge
		for i := range 30 { // few enough for one statement
			charges = append(charges, one("email.network", fmt.Sprint(i)))
		}
		w.allow(w.a, charges...)
		rows := w.rows()
		locked, after := rows[15], rows[16:]
		pid, unlock := w.lockTag(locked.tag)
		ended := make(chan error)
		go func() { ended <- w.a.Charge(w.Context(), charges...) }()
		storetest.AwaitBlocked(w, w.db, pid)

		var free, want []string
		for _, r := range w.query(`SELECT budget, tag, full_ns FROM quota_buckets ORDER BY tag FOR UPDATE SKIP LOCKED`) {
			free = append(free, fmt.Sprintf("%x", r.tag))
		}
		for _, r := range after {
			want = append(want, fmt.Sprintf("%x", r.tag))
		}
		if !reflect.DeepEqual(free, want) {
			w.Errorf("the rows that wait for their turn are\n%v, want those after the one that is locked,\n%v", free, want)
		}
		unlock(w.clock.Now().UnixNano())
		if err := <-ended; err != nil {
			w.Error(err)
		}
	})
}
