package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/internal/outbox"
	"signet/internal/store"
)

// book is a world whose jobs were charged for. What was given back of that stands in a
// table beside them.
type book struct {
	*world
	refuse atomic.Pointer[error]
}

func newBook(w *world) *book {
	w.Helper()
	if _, err := w.db.Exec(w.Context(), "CREATE TABLE given_back (job TEXT NOT NULL, payload TEXT NOT NULL)"); err != nil {
		w.Fatal(err)
	}
	return &book{world: w}
}

// giveBack can be told to fail, after it has written.
func (b *book) giveBack(ctx context.Context, tx *store.Tx, id string, payload []byte) error {
	if _, err := tx.Exec(ctx, "INSERT INTO given_back (job, payload) VALUES ($1, $2)", id, string(payload)); err != nil {
		return err
	}
	if why := b.refuse.Load(); why != nil {
		return *why
	}
	return nil
}

func (b *book) died(ctx context.Context, tx *store.Tx, j outbox.Job) error {
	return b.giveBack(ctx, tx, j.ID, j.Payload)
}

// replica keeps the book.
func (b *book) replica(h outbox.Handler) *outbox.Outbox {
	b.Helper()
	o := b.world.replica(h)
	o.Handle(outbox.Kind{Name: "mail", Slots: 4, Attempt: h, Died: b.died})
	return o
}

// givenBack is what was given back, as often as it was.
func (b *book) givenBack() (payloads []string) {
	b.Helper()
	rows, err := b.db.Query(b.Context(), "SELECT payload FROM given_back")
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var p string
		if err := rows.Scan(&p); err != nil {
			b.Fatal(err)
		}
		payloads = append(payloads, p)
	}
	return payloads
}

// wantGivenBack is what the only job was charged with, or nothing.
func (b *book) wantGivenBack(times int) {
	b.Helper()
	got := b.givenBack()
	if len(got) != times || times > 0 && got[0] != "to alice: 12345678" {
		b.Errorf("given back was %q, want what the job was charged with %d times", got, times)
	}
}

func refused(context.Context, outbox.Job) error {
	return fmt.Errorf("%w: no such number", outbox.ErrRefused)
}

// The requester has long gone when the message is refused: what it cost is given back
// all the same.
func TestTheDeadAreGivenBack(t *testing.T) {
	each(t, func(w *world) {
		b := newBook(w)
		left, answer := make(chan struct{}), make(chan struct{})
		o := b.replica(func(ctx context.Context, j outbox.Job) error { close(left); <-answer; return refused(ctx, j) })
		ticket := w.put(o, "k", true)
		ctx, leave := context.WithCancel(w.Context())
		go func() { <-left; leave() }()
		if err := o.Attempt(ctx, ticket); !errors.Is(err, outbox.ErrPending) {
			w.Fatalf("Attempt = %v, want %v", err, outbox.ErrPending)
		}
		b.wantGivenBack(0)
		close(answer)
		w.drain(o)
		b.wantGivenBack(1)
		if state, _ := w.state(ticket); state != "dead" {
			w.Errorf("state = %q, want dead", state)
		}
	})
}

func TestWhatComesTooLateIsGivenBack(t *testing.T) {
	each(t, func(w *world) {
		b := newBook(w)
		o := b.replica(func(context.Context, outbox.Job) error { w.Error("attempted"); return nil })
		ticket := w.putFor(o, "k", true, 30*time.Second)
		w.clock.Advance(30 * time.Second)
		if err := o.Attempt(w.Context(), ticket); !errors.Is(err, outbox.ErrRefused) {
			w.Errorf("Attempt = %v, want %v", err, outbox.ErrRefused)
		}
		b.wantGivenBack(1)
	})
}

// What did not die gives nothing back: it is done, or will be tried again.
func TestTheLivingGiveNothingBack(t *testing.T) {
	each(t, func(w *world) {
		b := newBook(w)
		for key, end := range map[string]error{"done": nil, "later": errors.New("try again")} {
			o := b.replica(func(context.Context, outbox.Job) error { return end })
			if err := o.Attempt(w.Context(), w.put(o, key, true)); !errors.Is(err, end) {
				w.Errorf("Attempt = %v, want %v", err, end)
			}
		}
		b.wantGivenBack(0)
	})
}

// A job dies together with what its kind does about it or not at all; the next attempt
// finds it as it was.
func TestAJobDiesWithItsBookOrNotAtAll(t *testing.T) {
	each(t, func(w *world) {
		b := newBook(w)
		full := errors.New("the disk is full")
		b.refuse.Store(&full)
		o := b.replica(refused)
		ticket := w.put(o, "k", true)
		if err := o.Attempt(w.Context(), ticket); !errors.Is(err, outbox.ErrRefused) {
			w.Errorf("Attempt = %v, want %v", err, outbox.ErrRefused)
		}
		b.wantGivenBack(0)
		if state, _ := w.state(ticket); state != "pending" {
			w.Errorf("state = %q, want pending", state)
		}
		b.refuse.Store(nil)
		w.clock.Advance(61 * time.Second)
		w.run(o)
		if err := o.Wait(w.Context(), "mail", "k"); !errors.Is(err, outbox.ErrRefused) {
			w.Errorf("Wait = %v, want %v", err, outbox.ErrRefused)
		}
		b.wantGivenBack(1)
	})
}

func TestAPanicOverTheDeadIsAnError(t *testing.T) {
	each(t, func(w *world) {
		o := w.replica(refused)
		o.Handle(outbox.Kind{Name: "mail", Slots: 4, Attempt: refused, Died: func(context.Context, *store.Tx, outbox.Job) error { panic("boom") }})
		ticket := w.put(o, "k", true)
		if err := o.Attempt(w.Context(), ticket); !errors.Is(err, outbox.ErrRefused) {
			w.Errorf("Attempt = %v, want %v", err, outbox.ErrRefused)
		}
		if state, _ := w.state(ticket); state != "pending" {
			w.Errorf("state = %q, want pending", state)
		}
	})
}

// A payload that nobody can open is refused: its kind hears that it died, without it.
func TestTheDeadWhosePayloadIsBroken(t *testing.T) {
	each(t, func(w *world) {
		b := newBook(w)
		o := b.replica(func(context.Context, outbox.Job) error { w.Error("attempted"); return nil })
		ticket := w.put(o, "k", false)
		if _, err := w.db.Exec(w.Context(), "UPDATE outbox_jobs SET payload = $1", []byte("broken")); err != nil {
			w.Fatal(err)
		}
		w.run(o)
		if err := o.Wait(w.Context(), "mail", "k"); !errors.Is(err, outbox.ErrRefused) {
			w.Errorf("Wait = %v, want %v", err, outbox.ErrRefused)
		}
		if got := b.givenBack(); len(got) != 1 || got[0] != "" {
			w.Errorf("%s: given back was %q, want once and without a payload", ticket.ID, got)
		}
	})
}

// The slow one's refusal comes after its lease: the job is another's, and nothing is
// given back until that one says so.
func TestOnlyTheHolderOfTheLeaseGivesBack(t *testing.T) {
	each(t, func(w *world) {
		b := newBook(w)
		stalled, wakeUp := make(chan struct{}), make(chan struct{})
		slow := b.replica(func(ctx context.Context, j outbox.Job) error { close(stalled); <-wakeUp; return refused(ctx, j) })
		ended := make(chan error)
		ticket := w.put(slow, "k", true)
		go func() { ended <- slow.Attempt(w.Context(), ticket) }()
		<-stalled
		w.clock.Advance(61 * time.Second)
		w.run(b.replica(refused))
		if err := slow.Wait(w.Context(), "mail", "k"); !errors.Is(err, outbox.ErrRefused) {
			w.Errorf("Wait = %v, want %v", err, outbox.ErrRefused)
		}
		close(wakeUp)
		<-ended
		b.wantGivenBack(1)
	})
}

// withdraw takes the only job back, by its id or by its key, and gives back what it
// was charged with if it did.
func (b *book) withdraw(o *outbox.Outbox, t outbox.Ticket, byKey bool) (withdrawn bool, err error) {
	err = b.db.Tx(b.Context(), func(tx *store.Tx) (err error) {
		payload := []byte("to alice: 12345678")
		if byKey {
			withdrawn, payload, err = o.WithdrawKey(b.Context(), tx, "mail", "k")
		} else {
			withdrawn, err = o.Withdraw(b.Context(), tx, t.ID)
		}
		if err != nil || !withdrawn {
			return err
		}
		return b.giveBack(b.Context(), tx, t.ID, payload)
	})
	return withdrawn, err
}

func (b *book) wantWithdrawn(o *outbox.Outbox, t outbox.Ticket, byKey, want bool) {
	b.Helper()
	if got, err := b.withdraw(o, t, byKey); err != nil || got != want {
		b.Errorf("withdrawn (by key: %t) = %t, %v; want %t", byKey, got, err, want)
	}
}

func eachWay(t *testing.T, story func(b *book, byKey bool)) {
	for _, byKey := range []bool{false, true} {
		t.Run(fmt.Sprintf("by key %t", byKey), func(t *testing.T) { each(t, func(w *world) { story(newBook(w), byKey) }) })
	}
}

func TestAWithdrawnJobIsNotAttempted(t *testing.T) {
	eachWay(t, func(b *book, byKey bool) {
		attempted := make(chan string, 2)
		o := b.replica(func(_ context.Context, j outbox.Job) error { attempted <- j.ID; return nil })
		ticket := b.put(o, "k", false)
		b.wantWithdrawn(o, ticket, byKey, true)
		b.wantWithdrawn(o, ticket, byKey, false)
		b.wantGivenBack(1)
		if state, payload := b.state(ticket); state != "withdrawn" || len(payload) != 0 {
			b.Errorf("state = %q with %d octets of payload, want withdrawn and none", state, len(payload))
		}
		other := b.put(o, "other", false)
		b.run(o)
		if got := <-attempted; got != other.ID {
			b.Errorf("attempted %s, which was withdrawn", got)
		}
	})
}

func TestWhatHasEndedIsNotWithdrawn(t *testing.T) {
	eachWay(t, func(b *book, byKey bool) {
		o := b.replica(func(context.Context, outbox.Job) error { return nil })
		b.wantWithdrawn(o, outbox.Ticket{ID: "nobody"}, byKey, false)
		ticket := b.put(o, "k", true)
		if err := o.Attempt(b.Context(), ticket); err != nil {
			b.Fatal(err)
		}
		b.wantWithdrawn(o, ticket, byKey, false)
		b.wantGivenBack(0)
		b.drain(o)
		if state, _ := b.state(ticket); state != "done" {
			b.Errorf("state = %q, want done", state)
		}
	})
}

// Whoever withdraws and is undone has withdrawn nothing.
func TestAWithdrawalThatIsUndone(t *testing.T) {
	eachWay(t, func(b *book, byKey bool) {
		full := errors.New("the disk is full")
		b.refuse.Store(&full)
		o := b.replica(refused)
		ticket := b.put(o, "k", true)
		if _, err := b.withdraw(o, ticket, byKey); !errors.Is(err, full) {
			b.Errorf("withdrawing = %v, want %v", err, full)
		}
		b.refuse.Store(nil)
		b.wantGivenBack(0)
		if err := o.Attempt(b.Context(), ticket); !errors.Is(err, outbox.ErrRefused) {
			b.Errorf("Attempt = %v, want %v", err, outbox.ErrRefused)
		}
		b.wantGivenBack(1)
	})
}

// A job is refused while several withdraw it, by its id and by its key: whoever ends
// it, what it was charged with is given back once.
func TestDeathAndWithdrawalGiveBackOnce(t *testing.T) {
	each(t, func(w *world) {
		b := newBook(w)
		var everyone, ended sync.WaitGroup
		everyone.Add(1)
		o := b.replica(func(ctx context.Context, j outbox.Job) error { everyone.Wait(); return refused(ctx, j) })
		ticket := w.put(o, "k", true)
		ended.Go(func() { _ = o.Attempt(w.Context(), ticket) })
		for i := range 6 {
			ended.Go(func() {
				everyone.Wait()
				if _, err := b.withdraw(o, ticket, i%2 == 0); err != nil {
					w.Error(err)
				}
			})
		}
		everyone.Done()
		ended.Wait()
		b.wantGivenBack(1)
	})
}

// What cannot be shown to whoever gives back is not withdrawn.
func TestAPayloadThatIsBrokenIsNotWithdrawn(t *testing.T) {
	each(t, func(w *world) {
		b := newBook(w)
		o := b.replica(refused)
		ticket := w.put(o, "k", false)
		if _, err := w.db.Exec(w.Context(), "UPDATE outbox_jobs SET payload = $1", []byte("broken")); err != nil {
			w.Fatal(err)
		}
		if _, err := b.withdraw(o, ticket, true); err == nil {
			w.Error("it was withdrawn")
		}
		if state, _ := w.state(ticket); state != "pending" {
			w.Errorf("state = %q, want pending", state)
		}
	})
}
