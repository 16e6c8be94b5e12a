package discovery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"signet/internal/matrix"
	"signet/internal/quota"
	"signet/internal/store"
)

// ID is an address as all paths name it: the beginning of its hash in the epoch.
type ID [16]byte

// Question asks to be told about addresses. Before is the grant of the epoch before, in
// which a client that still has the old pepper may ask.
type Question struct {
	Asker Asker
	Epoch int64
	IDs   []ID // each once
}

// Answer says about which of the addresses may be told.
type Answer struct {
	Allowed []bool // by the places of the question's IDs
	Refused int
}

const (
	// few is up to how many addresses are all told about or none.
	few = 10
	// fewer is up to how many are charged to the reserve if nothing else is left: an
	// address book that is synchronised does not keep anybody from inviting somebody.
	fewer = 3
	// ahead is how many units are charged at least.
	ahead = 16
	// maxRivals is how often a book is read again that another request has written.
	maxRivals = 16
)

// errRival ends the transaction of a request whose book was written since it was read.
var errRival = errors.New("another request has written what is remembered")

// Ask charges for the addresses that the asker has not asked for before, and remembers
// them, committed when it returns, though not yet safe from a power cut. The error is quota.Exhausted, which is
// matrix.LimitExceeded, if it may tell about none, or not about all of a few; then nothing
// is charged.
func (d *Discovery) Ask(ctx context.Context, q Question) (Answer, error) {
	b := d.bookOf(q.Asker, q.Epoch)
	marks := d.marks(b, q.IDs)
	if d.known.hasAll(b, marks) {
		return allOf(len(marks)), nil
	}
	done, err := d.shelves.take(ctx, b)
	if err != nil {
		return Answer{}, err
	}
	defer done()
	m, found := d.known.get(b)
	for range maxRivals {
		if !found {
			if m, err = selectMemory(ctx, d.DB, b); err != nil {
				return Answer{}, fmt.Errorf("reading what was asked for: %w", err)
			}
		}
		answer, err := d.try(ctx, q, b, m, marks)
		short := answer.Refused > 0 || isRefusal(err)
		if stale := errors.Is(err, errRival) || found && short; !stale {
			return answer, err
		}
		found = false // an old copy refuses what another replica was asked for since
	}
	return Answer{}, fmt.Errorf("charging for a look-up: %w", store.ErrBusy)
}

func allOf(n int) Answer {
	return Answer{Allowed: slices.Repeat([]bool{true}, n)}
}

// try answers by a book as it was read, or as this process wrote it last.
func (d *Discovery) try(ctx context.Context, q Question, b book, m memory, marks []mark) (Answer, error) {
	answer, fresh := m.part(marks)
	if len(fresh) == 0 {
		d.known.keep(b, m)
		return answer, nil
	}
	told, err := d.pay(ctx, q, b, m, marks, fresh)
	if err != nil {
		return Answer{}, err
	}
	for _, at := range fresh[:told] {
		answer.Allowed[at] = true
	}
	answer.Refused = len(fresh) - told
	return answer, nil
}

// part allows what was asked for before, and lists the others.
func (m memory) part(marks []mark) (a Answer, fresh []int) {
	a.Allowed = make([]bool, len(marks))
	for i, mark := range marks {
		if a.Allowed[i] = m.asked.has(mark); !a.Allowed[i] {
			fresh = append(fresh, i)
		}
	}
	return a, fresh
}

// rank puts addresses in the order in which they are told about if not all can be: the same
// each time, and nobody's choice.
func rank(marks []mark, fresh []int) {
	slices.SortFunc(fresh, func(i, j int) int { return bytes.Compare(marks[i][:], marks[j][:]) })
}

// pay charges for as many of the fresh addresses as it can, the first ones, and writes the
// book. It is Exhausted if it can for none, or not for all of a few.
func (d *Discovery) pay(ctx context.Context, q Question, b book, m memory, marks []mark, fresh []int) (told int, err error) {
	due := len(fresh) - m.ahead
	if due <= 0 {
		return len(fresh), d.write(ctx, b, m.after(marks, fresh, len(fresh)), nil)
	}
	a, err := d.asking(ctx, q.Asker)
	if err != nil {
		return 0, err
	}
	if !m.stored {
		m.granted = min(m.granted, a.atOnce())
	}
	for units := max(due, ahead); ; {
		told = min(len(fresh), m.ahead+units)
		if err = d.charge(ctx, a, b, m, marks, fresh[:told], units); err == nil {
			return told, nil
		}
		if !isRefusal(err) {
			return 0, err
		}
		refused := err
		rank(marks, fresh)
		if units, err = d.less(ctx, &a, q, m, due, units); err != nil {
			return 0, err
		}
		if units == 0 {
			return d.rest(ctx, q, b, m, marks, fresh, refused)
		}
	}
}

func isRefusal(err error) bool {
	_, is := errors.AsType[quota.Exhausted](err)
	return is
}

// rest tells of what is paid for when nothing more can be charged, if a part of an answer is
// of use, and there is one.
func (d *Discovery) rest(ctx context.Context, q Question, b book, m memory, marks []mark, fresh []int, refused error) (told int, err error) {
	if len(q.IDs) <= few || len(fresh) == len(q.IDs) && m.ahead == 0 {
		return 0, refused
	}
	if told = m.ahead; told == 0 {
		return 0, nil // only about those that were asked for before
	}
	return told, d.write(ctx, b, m.after(marks, fresh, told), nil)
}

// less is how many units to try to charge after so many were too many; 0 for none.
func (d *Discovery) less(ctx context.Context, a *asking, q Question, m memory, due, tried int) (units int, err error) {
	switch {
	case tried > due:
		return due, nil
	case len(q.IDs) <= fewer && !a.reserve && a.Account != "":
		a.reserve = true
		return due, nil
	case len(q.IDs) <= few || tried == 1:
		return 0, nil
	}
	room, err := d.room(ctx, a, m, tried-1)
	return max(1, room), err
}

// room is how many units the budgets have room for, at most so many.
func (d *Discovery) room(ctx context.Context, a *asking, m memory, most int) (int, error) {
	room, err := d.Quota.Room(ctx, d.DB, most, a.charges(1, 0)...)
	if err != nil || m.granted == 0 {
		return room, err
	}
	others, err := d.Quota.Room(ctx, d.DB, most, a.charges(1, 1)...) // which nothing is granted of
	return min(others, room+m.granted), err
}

// charge charges so many units and writes the book in one transaction.
func (d *Discovery) charge(ctx context.Context, a asking, b book, m memory, marks []mark, told []int, units int) error {
	held, err := d.Quota.Reserve(ctx, a.charges(units, m.granted)...)
	if err != nil {
		return err
	}
	defer held.Release()
	m.ahead += units
	m.granted -= min(units, m.granted)
	if err := d.write(ctx, b, m.after(marks, told, len(told)), held); err != nil {
		return err
	}
	held.Keep()
	return nil
}

// write writes a book that is as it was read, together with what is charged, if anything is.
func (d *Discovery) write(ctx context.Context, b book, m memory, held *quota.Reservation) error {
	// A power cut may lose the last moment: what was asked for then is charged again.
	err := d.DB.TxSoon(ctx, func(tx *store.Tx) error {
		if held != nil {
			if err := held.ChargeIn(ctx, tx); err != nil {
				return err
			}
		}
		written, err := putMemory(ctx, tx, b, m)
		if err == nil && !written {
			return errRival
		}
		return err
	})
	if err == nil {
		m.stored, m.version = true, m.version+1
		d.known.keep(b, m)
	}
	return err
}

func (d *Discovery) asking(ctx context.Context, who Asker) (a asking, err error) {
	a = asking{Asker: who, own: d.Own[who.Homeserver]}
	if who.Account != "" {
		a.Earned, err = d.Earned(ctx, who.Account)
	}
	return a, err
}

// Sweep forgets what was asked for in epochs that are over, but for the last, by which the
// next one's grants are made. It forgets all copies in memory too: another replica may have
// erased what they are of.
func (d *Discovery) Sweep(ctx context.Context, epoch int64) error {
	d.known.forgetAll()
	return deleteMemory(ctx, d.DB, epoch-1)
}

// Held is how many addresses a user has asked for, as a document for them. Which those are
// cannot be told.
type Held struct {
	Addresses int `json:"addresses"`
}

// HeldBy is a Held of a user.
func (d *Discovery) HeldBy(ctx context.Context, user matrix.UserID) (any, error) {
	units, err := selectAllUnits(ctx, d.DB, d.bookOf(Asker{Account: user}, 0).tag)
	if err != nil {
		return nil, fmt.Errorf("reading how much was looked up: %w", err)
	}
	return Held{Addresses: units}, nil
}

// EraseUser forgets what a user has asked for. Other replicas may have a copy of the filter
// in memory until their next Sweep.
func (d *Discovery) EraseUser(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	tag := d.bookOf(Asker{Account: user}, 0).tag
	if err := deleteAsker(ctx, tx, tag); err != nil {
		return fmt.Errorf("forgetting what was looked up: %w", err)
	}
	d.known.forget(tag)
	return nil
}
