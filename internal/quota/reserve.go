package quota

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"signet/internal/store"
)

// Reservation is charges on their way into a transaction. It belongs to one goroutine
// and ends with Keep or Release, whichever comes first; a deferred Release is right
// everywhere. The zero Reservation charges nothing.
type Reservation struct {
	quota   *Quota
	exact   []item // charged in the database, by ChargeIn
	leased  []held // taken out of leases, by Reserve
	now     int64  // of the last ChargeIn
	decided decision
	ended   bool
}

// decision is what the last ChargeIn said.
type decision int

const (
	undecided decision = iota
	charged
	refused
)

// Reserve prepares charges for a transaction that is about to begin. It may write a
// lease in a transaction of its own, so it must not be called within another. Budgets
// that have not enough are no error yet: ChargeIn tells of them, and a transaction
// that finds nothing to charge does not call it.
func (q *Quota) Reserve(ctx context.Context, charges ...Charge) (*Reservation, error) {
	items, err := q.items(charges)
	if err != nil {
		return nil, wrap(err)
	}
	r := &Reservation{quota: q}
	for _, i := range items {
		if !i.leased() {
			r.exact = append(r.exact, i)
			continue
		}
		h, err := q.hold(ctx, i)
		if err != nil {
			r.Release()
			return nil, wrap(err)
		}
		r.leased = append(r.leased, h)
	}
	return r, nil
}

// ChargeIn charges all of them as part of tx, or none, which is Exhausted as of Charge:
// after it tx may go on and commit. If tx runs again, so does ChargeIn.
func (r *Reservation) ChargeIn(ctx context.Context, tx *store.Tx) error {
	err := r.charge(ctx, tx)
	if r.decided == refused {
		if err := giveBack(ctx, tx, r.now, r.exact); err != nil {
			return wrap(err)
		}
	}
	return wrap(err)
}

// charge charges the exact ones and looks at all of them, to tell the longest wait.
// What it has charged before it was refused stays for the caller to undo. Nobody else
// sees it until then.
func (r *Reservation) charge(ctx context.Context, tx *store.Tx) error {
	if r.quota == nil {
		return nil
	}
	r.now, r.decided = r.quota.Now().UnixNano(), undecided
	full, err := moveBuckets(ctx, tx, r.now, moves(r.exact, 1))
	if err != nil {
		return err
	}
	var wouldRefuse []item
	for at := range r.exact {
		i := &r.exact[at]
		i.full = full[string(i.tag)]
		i.wait = i.never()
		if i.fits() {
			i.wait = wholeMillis(max(0, i.late(i.full, 0, r.now)))
		}
		if i.outcome() == WouldRefuse {
			wouldRefuse = append(wouldRefuse, *i)
		}
	}
	if e := r.exhausted(); len(e.Short) > 0 {
		r.decided = refused
		return e
	}
	r.decided = charged
	return giveBack(ctx, tx, r.now, wouldRefuse)
}

// exhausted has something Short if not all can be charged.
func (r *Reservation) exhausted() (e Exhausted) {
	for i := range r.items {
		if i.outcome() != Refused {
			continue
		}
		e.Short = append(e.Short, i.Name)
		if i.wait > e.RetryAfter {
			e.Budget, e.RetryAfter = i.Name, i.wait
		}
	}
	slices.Sort(e.Short)
	e.Short = slices.Compact(e.Short)
	return e
}

func (r *Reservation) items(yield func(item) bool) {
	for _, i := range r.exact {
		if !yield(i) {
			return
		}
	}
	for _, h := range r.leased {
		if !yield(h.item) {
			return
		}
	}
}

// Shares tells, at no cost, how much of each budget was used as the last ChargeIn left
// it, from 0 to 1: what Quota.Share would have answered, but that a leased budget is
// known as of when its lease was last filled, and one that never has as many as were
// asked for counts as used up.
func (r *Reservation) Shares() map[string]float64 {
	shares := map[string]float64{}
	for i := range r.items {
		shares[i.Name] = max(shares[i.Name], r.share(i))
	}
	return shares
}

func (r *Reservation) share(i item) float64 {
	switch {
	case !i.fits():
		return 1
	case !i.leased() && (r.decided == refused || i.wait > 0): // given back
		return i.Budget.share(i.full-i.cost(i.n), r.now)
	}
	return i.Budget.share(i.full, r.now)
}

// RefundIn gives the charges of a transaction that has committed back as part of tx.
// Once tx has committed as well, Release gives back what is leased.
func (r *Reservation) RefundIn(ctx context.Context, tx *store.Tx) error {
	if r.decided != charged {
		return nil
	}
	taken := slices.DeleteFunc(slices.Clone(r.exact), func(i item) bool { return i.wait > 0 })
	if err := giveBack(ctx, tx, r.quota.Now().UnixNano(), taken); err != nil {
		return fmt.Errorf("refunding budgets: %w", err)
	}
	return nil
}

// Keep ends a reservation whose charges stand: ChargeIn succeeded, and its transaction
// committed. They are observed.
func (r *Reservation) Keep() {
	if r.ended {
		return
	}
	r.ended = true
	for i := range r.items {
		r.quota.Observe(i.Name, i.outcome())
	}
}

// Release ends a reservation that comes to nothing. If ChargeIn refused it, the budgets
// that had not enough are observed.
func (r *Reservation) Release() {
	if r.ended {
		return
	}
	r.ended = true
	for _, h := range r.leased {
		h.release()
	}
	for i := range r.items {
		if r.decided == refused && i.wait > 0 {
			r.quota.Observe(i.Name, i.outcome())
		}
	}
}

// wrap names the action, except where the error is an answer.
func wrap(err error) error {
	if _, answer := errors.AsType[Exhausted](err); err == nil || answer {
		return err
	}
	return fmt.Errorf("charging budgets: %w", err)
}
