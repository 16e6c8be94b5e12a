package outbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/internal/clocktest"
	"signet/internal/outbox"
	"signet/internal/seal"
	"signet/internal/seal/sealtest"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// world is a database with any number of replicas' outboxes on it.
type world struct {
	*testing.T
	db    *store.DB
	vault *seal.Vault
	clock *clocktest.Clock
}

func each(t *testing.T, story func(w *world)) {
	storetest.Each(t, []string{"seal", "outbox"}, func(t *testing.T, db *store.DB) {
		clock := clocktest.New()
		story(&world{T: t, db: db, vault: sealtest.Vault(t, db, clock.Now), clock: clock})
	})
}

// replica opens an outbox whose only kind, "mail", is handled by h.
func (w *world) replica(h outbox.Handler) *outbox.Outbox {
	w.Helper()
	o := w.replicaOf(w.clock.Now, slog.DiscardHandler)
	o.Handle(outbox.Kind{Name: "mail", Slots: 4, Attempt: h})
	return o
}

// replicaOf is a replica with a clock and a log of its own, whose "mail" is done at once.
func (w *world) replicaOf(now func() time.Time, log slog.Handler) *outbox.Outbox {
	w.Helper()
	o, err := outbox.New(w.Context(), outbox.Options{DB: w.db, Vault: w.vault, Now: now, Log: slog.New(log)})
	if err != nil {
		w.Fatal(err)
	}
	o.Handle(outbox.Kind{Name: "mail", Slots: 4, Attempt: func(context.Context, outbox.Job) error { return nil }})
	return o
}

// run starts the workers of o until the test ends.
func (w *world) run(o *outbox.Outbox) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- o.Run(ctx) }()
	w.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			w.Error(err)
		}
	})
}

// drain waits for the attempts of o that are under way.
func (w *world) drain(o *outbox.Outbox) {
	w.Helper()
	stopped, stop := context.WithCancel(context.Background())
	stop()
	if err := o.Run(stopped); err != nil {
		w.Fatal(err)
	}
}

func (w *world) put(o *outbox.Outbox, key string, held bool) outbox.Ticket {
	w.Helper()
	return w.putFor(o, key, held, time.Hour)
}

func (w *world) putFor(o *outbox.Outbox, key string, held bool, life time.Duration) outbox.Ticket {
	w.Helper()
	var t outbox.Ticket
	err := w.db.Tx(w.Context(), func(tx *store.Tx) (err error) {
		t, err = o.Put(w.Context(), tx, outbox.Work{Kind: "mail", Key: key, Payload: []byte("to alice: 12345678"), Expires: w.clock.Now().Add(life), Held: held})
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return t
}

func (w *world) state(t outbox.Ticket) (state string, payload []byte) {
	w.Helper()
	if err := w.db.QueryRow(w.Context(), "SELECT state, payload FROM outbox_jobs WHERE id = $1", t.ID).Scan(&state, &payload); err != nil {
		w.Fatal(err)
	}
	return state, payload
}

func TestHeldWorkIsAttemptedByTheOneWhoPutIt(t *testing.T) {
	each(t, func(w *world) {
		var got outbox.Job
		o := w.replica(func(_ context.Context, j outbox.Job) error { got = j; return nil })
		ticket := w.put(o, "k", true)
		if _, payload := w.state(ticket); bytes.Contains(payload, []byte("12345678")) {
			w.Error("the payload stands in the database in clear")
		}
		if err := o.Attempt(w.Context(), ticket); err != nil {
			w.Fatal(err)
		}
		if got.ID != ticket.ID || got.Attempt != 1 || string(got.Payload) != "to alice: 12345678" {
			w.Errorf("the handler got %+v", got)
		}
		w.drain(o)
		if state, payload := w.state(ticket); state != "done" || len(payload) != 0 {
			w.Errorf("state = %q with %d octets of payload, want done and none", state, len(payload))
		}
	})
}

func TestWorkOfAnUndoneTransactionNeverHappens(t *testing.T) {
	each(t, func(w *world) {
		o := w.replica(func(context.Context, outbox.Job) error { w.Error("attempted"); return nil })
		undone := errors.New("undone")
		err := w.db.Tx(w.Context(), func(tx *store.Tx) error {
			if _, err := o.Put(w.Context(), tx, outbox.Work{Kind: "mail", Key: "k", Expires: w.clock.Now().Add(time.Hour)}); err != nil {
				return err
			}
			return undone
		})
		if !errors.Is(err, undone) {
			w.Fatal(err)
		}
		var n int
		if err := w.db.QueryRow(w.Context(), "SELECT COUNT(*) FROM outbox_jobs").Scan(&n); err != nil || n != 0 {
			w.Errorf("%d jobs, %v; want none", n, err)
		}
	})
}

func TestTheSameKeyIsOneJob(t *testing.T) {
	each(t, func(w *world) {
		attempts := 0
		o := w.replica(func(context.Context, outbox.Job) error { attempts++; return nil })
		first, second := w.put(o, "k", true), w.put(o, "k", true)
		if first.ID != second.ID {
			w.Errorf("the same key is %s and %s", first.ID, second.ID)
		}
		ended := make(chan error)
		go func() { ended <- o.Attempt(w.Context(), second) }() // waits for the one who has the lease
		if err := o.Attempt(w.Context(), first); err != nil {
			w.Errorf("Attempt = %v", err)
		}
		if err := <-ended; err != nil || attempts != 1 {
			w.Errorf("%d attempts, %v", attempts, err)
		}
		if err := o.Wait(w.Context(), "mail", "k"); err != nil {
			w.Errorf("Wait = %v", err)
		}
		if err := o.Wait(w.Context(), "mail", "other"); !errors.Is(err, outbox.ErrUnknownJob) {
			w.Errorf("Wait for a job that is not there = %v, want %v", err, outbox.ErrUnknownJob)
		}
	})
}

// Two who put different work at the same time do not get in each other's way. SQLite
// has one writer at a time anyway.
func TestNeighboursAreNoRivals(t *testing.T) {
	each(t, func(w *world) {
		o := w.replica(func(context.Context, outbox.Job) error { return nil })
		var met, ended sync.WaitGroup
		if w.db.Engine() == store.PostgreSQL {
			met.Add(2)
		}
		var tries atomic.Int32
		putTwo := func(who string) error {
			meet := sync.OnceFunc(func() {
				if w.db.Engine() == store.PostgreSQL {
					met.Done()
					met.Wait()
				}
			})
			return w.db.Tx(w.Context(), func(tx *store.Tx) error {
				tries.Add(1)
				_, first := o.Put(w.Context(), tx, outbox.Work{Kind: "mail", Key: who, Expires: w.clock.Now().Add(time.Hour)})
				meet()
				_, second := o.Put(w.Context(), tx, outbox.Work{Kind: "mail", Key: who + " again", Expires: w.clock.Now().Add(time.Hour)})
				return errors.Join(first, second)
			})
		}
		for _, who := range []string{"alice", "bob"} {
			ended.Go(func() {
				if err := putTwo(who); err != nil {
					w.Error(err)
				}
			})
		}
		if ended.Wait(); tries.Load() != 2 {
			w.Errorf("%d tries of 2 transactions", tries.Load())
		}
	})
}

// A process dies between the commit and its attempt. Nobody touches the job while
// its lease runs; then another replica does it.
func TestAnotherReplicaTakesOverFromADeadOne(t *testing.T) {
	each(t, func(w *world) {
		dying := w.replica(func(context.Context, outbox.Job) error { w.Error("the dead replica attempted"); return nil })
		ticket := w.put(dying, "k", true)

		attempted := make(chan outbox.Job, 1)
		heir := w.replica(func(_ context.Context, j outbox.Job) error { attempted <- j; return nil })
		w.run(heir)
		heir.Wake("mail")
		probe := w.put(heir, "probe", false)
		heir.Wake("mail")
		if j := <-attempted; j.ID != probe.ID {
			w.Fatalf("the job was taken while its lease ran")
		}
		if err := dying.Wait(w.Context(), "mail", "probe"); err != nil { // it is recorded, not only known to the heir
			w.Fatal(err)
		}
		w.clock.Advance(61 * time.Second)
		heir.Wake("mail")
		if j := <-attempted; j.ID != ticket.ID || j.Attempt != 2 {
			w.Errorf("took over %+v, want attempt 2 of %s", j, ticket.ID)
		}
	})
}

func TestReplicasShareTheWork(t *testing.T) {
	each(t, func(w *world) {
		const jobs = 60
		var mu sync.Mutex
		attempts := map[string]int{}
		all := make(chan struct{})
		handler := func(_ context.Context, j outbox.Job) error {
			mu.Lock()
			defer mu.Unlock()
			attempts[j.ID]++
			if len(attempts) == jobs {
				close(all)
			}
			return nil
		}
		replicas := []*outbox.Outbox{w.replica(handler), w.replica(handler), w.replica(handler)}
		for i := range jobs {
			w.put(replicas[0], fmt.Sprint(i), false)
		}
		for _, o := range replicas {
			w.run(o)
		}
		<-all
		mu.Lock()
		defer mu.Unlock()
		for id, n := range attempts {
			if n != 1 {
				w.Errorf("job %s was attempted %d times", id, n)
			}
		}
	})
}

func TestAFailedJobComesBackLater(t *testing.T) {
	each(t, func(w *world) {
		attempted := make(chan int, 1)
		down := errors.New("the mail server is down")
		o := w.replica(func(_ context.Context, j outbox.Job) error {
			if j.Attempt == 1 {
				return down
			}
			attempted <- j.Attempt
			return nil
		})
		ticket := w.put(o, "k", true)
		if err := o.Attempt(w.Context(), ticket); !errors.Is(err, down) {
			w.Errorf("Attempt = %v, want %v", err, down)
		}
		w.run(o)
		w.clock.Advance(5 * time.Second)
		o.Wake("mail")
		if n := <-attempted; n != 2 {
			w.Errorf("came back as attempt %d, want 2", n)
		}
	})
}

func TestARefusedJobIsDead(t *testing.T) {
	each(t, func(w *world) {
		o := w.replica(func(context.Context, outbox.Job) error { return fmt.Errorf("%w: no such mailbox", outbox.ErrRefused) })
		ticket := w.put(o, "k", true)
		if err := o.Attempt(w.Context(), ticket); !errors.Is(err, outbox.ErrRefused) {
			w.Errorf("Attempt = %v, want %v", err, outbox.ErrRefused)
		}
		if state, _ := w.state(ticket); state != "dead" {
			w.Errorf("state = %q, want dead", state)
		}
		if err := o.Attempt(w.Context(), w.put(o, "k", true)); !errors.Is(err, outbox.ErrRefused) {
			w.Errorf("the same work again = %v, want %v", err, outbox.ErrRefused)
		}
	})
}

func TestAJobPastItsExpiryIsNotAttempted(t *testing.T) {
	each(t, func(w *world) {
		o := w.replica(func(context.Context, outbox.Job) error { w.Error("attempted"); return nil })
		ticket := w.putFor(o, "k", true, 30*time.Second)
		w.clock.Advance(30 * time.Second)
		if err := o.Attempt(w.Context(), ticket); !errors.Is(err, outbox.ErrRefused) {
			w.Errorf("Attempt = %v, want %v", err, outbox.ErrRefused)
		}
	})
}

func TestAPanicIsAFailedAttempt(t *testing.T) {
	each(t, func(w *world) {
		o := w.replica(func(context.Context, outbox.Job) error { panic("boom") })
		ticket := w.put(o, "k", true)
		if err := o.Attempt(w.Context(), ticket); err == nil || errors.Is(err, outbox.ErrRefused) {
			w.Errorf("Attempt = %v, want an error that is tried again", err)
		}
		if state, _ := w.state(ticket); state != "pending" {
			w.Errorf("state = %q, want pending", state)
		}
	})
}

// The caller's patience ends, the job goes on without it.
func TestAttemptDoesNotWaitForEver(t *testing.T) {
	each(t, func(w *world) {
		started, finish := make(chan struct{}), make(chan struct{})
		o := w.replica(func(context.Context, outbox.Job) error { close(started); <-finish; return nil })
		ticket := w.put(o, "k", true)
		ctx, lose := context.WithCancel(w.Context())
		go func() { <-started; lose() }()
		if err := o.Attempt(ctx, ticket); !errors.Is(err, outbox.ErrPending) {
			w.Errorf("Attempt = %v, want %v", err, outbox.ErrPending)
		}
		close(finish)
		w.drain(o)
		if state, _ := w.state(ticket); state != "done" {
			w.Errorf("state = %q, want done", state)
		}
	})
}

// Where there is room, work is begun at once also for a caller who waits for nothing.
func TestAttemptForWhoHasNoPatience(t *testing.T) {
	each(t, func(w *world) {
		o := w.replica(func(context.Context, outbox.Job) error { return nil })
		impatient, lose := context.WithCancel(w.Context())
		lose()
		for i := range 10 {
			ticket := w.put(o, fmt.Sprint(i), true)
			if err := o.Attempt(impatient, ticket); err != nil && !errors.Is(err, outbox.ErrPending) {
				w.Errorf("Attempt = %v, want %v or nil", err, outbox.ErrPending)
			}
			w.drain(o)
			if state, _ := w.state(ticket); state != "done" {
				w.Errorf("state = %q, want done", state)
			}
		}
	})
}

// All slots of one kind wait for a receiver that never answers; another kind's
// work goes on.
func TestASlowKindBlocksNoOther(t *testing.T) {
	each(t, func(w *world) {
		hang := make(chan struct{})
		o := w.replica(func(context.Context, outbox.Job) error { <-hang; return nil })
		w.Cleanup(func() { close(hang) })
		delivered := make(chan struct{})
		o.Handle(outbox.Kind{Name: "sms", Slots: 1, Attempt: func(context.Context, outbox.Job) error { close(delivered); return nil }})
		for i := range 20 {
			w.put(o, fmt.Sprint(i), false)
		}
		err := w.db.Tx(w.Context(), func(tx *store.Tx) error {
			_, err := o.Put(w.Context(), tx, outbox.Work{Kind: "sms", Key: "k", Expires: w.clock.Now().Add(time.Hour)})
			return err
		})
		if err != nil {
			w.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		go o.Run(ctx)
		w.Cleanup(stop)
		<-delivered
	})
}

// A commit that fails gives nobody a lease: a mail would go out again and again
// while its attempts are not even counted.
func TestALeaseThatIsNotCommittedIsNoLease(t *testing.T) {
	each(t, func(w *world) {
		log := make(complaints, 100)
		var attempts atomic.Int32
		o := w.replicaOf(w.clock.Now, slog.NewTextHandler(log, nil))
		o.Handle(outbox.Kind{Name: "mail", Slots: 4, Attempt: func(context.Context, outbox.Job) error { attempts.Add(1); return nil }})
		w.put(o, "k", false)
		storetest.FailCommits(w.T, w.db, "outbox_jobs")
		w.run(o)
		for range 2 {
			if line := <-log; !strings.Contains(line, "cannot look for work") {
				w.Fatalf("the log says %s", line)
			}
		}
		if n := attempts.Load(); n != 0 {
			w.Errorf("%d attempts", n)
		}
	})
}

// complaints is a log that a test waits for.
type complaints chan string

func (c complaints) Write(line []byte) (int, error) {
	c <- string(line)
	return len(line), nil
}

// A process stalls until its lease is over and another has the job: its late word
// does not count against the other's.
func TestTheOneWhoLostTheLeaseEndsNothing(t *testing.T) {
	for _, word := range []error{fmt.Errorf("%w: too slow", outbox.ErrRefused), errors.New("try again")} {
		each(t, func(w *world) { loseTheLease(w, word) })
	}
}

func loseTheLease(w *world, word error) {
	stalled, wakeUp := make(chan struct{}), make(chan struct{})
	slow := w.replica(func(context.Context, outbox.Job) error { close(stalled); <-wakeUp; return word })
	ticket := w.put(slow, "k", true)
	ended := make(chan error)
	go func() { ended <- slow.Attempt(w.Context(), ticket) }()
	<-stalled
	w.clock.Advance(61 * time.Second)

	holding, finish := make(chan struct{}), make(chan struct{})
	heir := w.replica(func(context.Context, outbox.Job) error { close(holding); <-finish; return nil })
	ctx, stop := context.WithCancel(w.Context())
	ran := make(chan error)
	go func() { ran <- heir.Run(ctx) }()
	<-holding
	close(wakeUp)
	if err := <-ended; !errors.Is(err, word) {
		w.Errorf("the slow one's Attempt = %v, want %v", err, word)
	}
	var lease int64
	if err := w.db.QueryRow(w.Context(), "SELECT lease_until_ms FROM outbox_jobs").Scan(&lease); err != nil || lease == 0 {
		w.Errorf("the heir's lease was given up, %v", err)
	}
	if state, _ := w.state(ticket); state != "pending" {
		w.Errorf("state = %q while another has the lease, want pending", state)
	}
	close(finish)
	stop()
	if err := <-ran; err != nil {
		w.Fatal(err)
	}
	if state, _ := w.state(ticket); state != "done" {
		w.Errorf("state = %q, want done", state)
	}
}

// A lease that has almost run out is given back instead of used: the attempt could
// outlive it.
func TestALeaseThatIsAlmostOverIsGivenBack(t *testing.T) {
	each(t, func(w *world) {
		attempts := 0
		o := w.replica(func(context.Context, outbox.Job) error { attempts++; return nil })
		ticket := w.put(o, "k", true)
		w.clock.Advance(50 * time.Second)
		if err := o.Attempt(w.Context(), ticket); !errors.Is(err, outbox.ErrPending) || attempts != 0 {
			w.Errorf("Attempt = %v after %d attempts, want %v and none", err, attempts, outbox.ErrPending)
		}
		var lease int64
		if err := w.db.QueryRow(w.Context(), "SELECT lease_until_ms FROM outbox_jobs").Scan(&lease); err != nil || lease != 0 {
			w.Errorf("the lease runs until %d, %v", lease, err)
		}
	})
}
