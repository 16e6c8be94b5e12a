package discovery

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"signet/internal/matrix"
	"signet/internal/store"
)

// ID is an address as all paths name it: the beginning of its hash in the epoch.
type ID [16]byte

// Question asks to be told about addresses. Its epoch is the one of the pepper that the
// client has.
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
	i := inquiry{asker: q.Asker, book: d.bookOf(q.Asker, q.Epoch)}
	i.marks = d.marks(i.book, q.IDs)
	if d.known.hasAll(i.book, i.marks) {
		return allOf(len(i.marks)), nil
	}
	done, err := d.shelves.take(ctx, i.book)
	if err != nil {
		return Answer{}, err
	}
	defer done()
	m, found := d.known.get(i.book)
	for range maxRivals {
		if !found {
			if m, err = selectMemory(ctx, d.DB, i.book); err != nil {
				return Answer{}, fmt.Errorf("reading what was asked for: %w", err)
			}
		}
		answer, err := d.try(ctx, i.in(m))
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
func (d *Discovery) try(ctx context.Context, i inquiry) (Answer, error) {
	answer := Answer{Allowed: slices.Repeat([]bool{true}, len(i.marks))}
	if len(i.fresh) == 0 {
		d.known.keep(i.book, i.memory)
		return answer, nil
	}
	told, err := d.pay(ctx, i)
	if err != nil {
		return Answer{}, err
	}
	for _, at := range i.fresh[told:] {
		answer.Allowed[at] = false
	}
	answer.Refused = len(i.fresh) - told
	return answer, nil
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
