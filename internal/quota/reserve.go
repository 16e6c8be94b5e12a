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
	exact   []item // charged in the database
	leased  []held // taken out of leases, by Reserve
	ahead   bool   // Reserve has charged what is exact, not ChargeIn
	taken   []item // of exact, what was charged ahead and Release gives back
	now     int64  // when what is exact was charged
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

// Reserve prepares charges for a transaction that is about to begin. It may write in
// transactions of its own, so it must not be called within another. Budgets that have
// not enough are no error yet: ChargeIn tells of them, and a transaction that finds
// nothing to charge does not call it. Where the exact budgets are charged ahead, they
// are from here on until Release; after a crash in between they stay used up until
// they come back by themselves.
func (q *Quota) Reserve(ctx context.Context, charges ...Charge) (*Reservation, error) {
	items, err := q.items(charges)
	if err != nil {
		return nil, wrap(err)
	}
	r := &Reservation{quota: q, ahead: q.ahead()}
	if err := r.take(ctx, items); err != nil {
		r.Release()
		return nil, wrap(err)
	}
	return r, nil
}

func (r *Reservation) take(ctx context.Context, items []item) error {
	for _, i := range items {
		if !i.leased() {
			r.exact = append(r.exact, i)
			continue
		}
		h, err := r.quota.hold(ctx, i)
		if err != nil {
			return err
		}
		r.leased = append(r.leased, h)
	}
	if r.ahead {
		return r.chargeAhead(ctx)
	}
	return nil
}

// ChargeIn charges all of them as part of tx, or none, which is Exhausted as of Charge:
// after it tx may go on and commit. If tx runs again, so does ChargeIn. Where Reserve
// has charged ahead it only tells what came of that.
func (r *Reservation) ChargeIn(ctx context.Context, tx *store.Tx) error {
	return wrap(r.charge(ctx, tx))
}

func (r *Reservation) charge(ctx context.Context, tx *store.Tx) error {
	if r.quota == nil {
		return nil
	}
	r.decided = undecided
	if !r.ahead {
		if err := r.chargeWithin(ctx, tx); err != nil {
			return err
		}
	}
	if e := r.exhausted(); len(e.Short) > 0 {
		r.decided = refused
		return e
	}
	r.decided = charged
	return nil
}

// chargeWithin charges the exact ones and undoes what went too far. Nobody else sees it
// until then.
func (r *Reservation) chargeWithin(ctx context.Context, tx *store.Tx) error {
	r.now = r.quota.Now().UnixNano()
	full, err := moveBuckets(ctx, tx, r.now, moves(r.exact, 1))
	if err != nil {
		return err
	}
	r.judge(full)
	_, excess := r.divide(r.exact)
	return giveBack(ctx, tx, r.now, excess)
}

// judge looks at where the charges leave the exact ones, to tell the longest wait.
func (r *Reservation) judge(full map[bucket]int64) {
	for at := range r.exact {
		i := &r.exact[at]
		moment, seen := full[i.bucket]
		switch {
		case !i.fits():
			i.wait = i.never()
		case seen:
			i.full, i.wait = moment, wholeMillis(max(0, i.late(moment, 0, r.now)))
		}
	}
}

// divide tells what of the exact items stands and what went too far: all of them if any
// budget refuses, or else those in a dry run that had not enough.
func (r *Reservation) divide(items []item) (stand, excess []item) {
	if len(r.exhausted().Short) > 0 {
		return nil, items
	}
	for _, i := range items {
		if i.wait > 0 {
			excess = append(excess, i)
		} else {
			stand = append(stand, i)
		}
	}
	return stand, excess
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

// RefundIn gives the charges of tx itself, or of a transaction that has committed, back as
// part of tx. Once tx has committed as well, Release gives back the rest: what is leased,
// and what was charged ahead. After a crash in between, that stays used up until it
// comes back by itself.
func (r *Reservation) RefundIn(ctx context.Context, tx *store.Tx) error {
	if r.ahead || r.decided != charged {
		return nil
	}
	stand, _ := r.divide(r.exact)
	return refunding(giveBack(ctx, tx, r.quota.Now().UnixNano(), stand))
}

// Keep ends a reservation whose charges stand: ChargeIn succeeded, and its transaction
// committed. They are observed. If ChargeIn did not, Keep is Release.
func (r *Reservation) Keep() {
	if r.decided != charged {
		r.Release()
	}
	if r.ended {
		return
	}
	r.ended = true
	for i := range r.items {
		r.quota.Observe(i.Name, i.outcome())
	}
}

// Release ends a reservation that comes to nothing: its transaction did not commit or
// was taken back. It gives back what is leased and what was charged ahead; if the
// database does not answer, the latter is logged, and comes back by itself. If ChargeIn
// refused, the budgets that had not enough are observed.
func (r *Reservation) Release() {
	if r.ended {
		return
	}
	r.ended = true
	for _, h := range r.leased {
		h.release()
	}
	r.giveBackAhead()
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
