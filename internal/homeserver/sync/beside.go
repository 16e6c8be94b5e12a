package sync

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

const (
	// many is from how many rooms on they are written by several at a time.
	many = 8
	// together is how many rooms one of them reads together, and then writes.
	together = 8
	// manyOctets is about how much that is.
	manyOctets = 128 << 10
)

// sideBySide writes rooms, several at a time and in no order.
func (a *answer) sideBySide(s section, stays []room.Stay) error {
	parts := make([]answer, runtime.GOMAXPROCS(0))
	for i := range parts {
		parts[i] = *a
		parts[i].out = make([]byte, 0, manyOctets)
	}
	errs := make([]error, len(parts))
	batches := slices.Collect(slices.Chunk(stays, together))
	var next atomic.Int64
	var mu sync.Mutex // guards the answer, and how many rooms it tells
	begin, told := len(a.out), 0
	var working sync.WaitGroup
	for i := range parts {
		part := &parts[i]
		working.Go(func() {
			for n := next.Add(1); n <= int64(len(batches)) && errs[i] == nil; n = next.Add(1) {
				some := batches[n-1]
				part.out, part.members = part.out[:0], nil
				errs[i] = part.someRooms(s, some)
				mu.Lock()
				told += len(some)
				octets := len(a.out) - begin + len(part.out)
				a.take(part, octets/told*(len(stays)-told))
				mu.Unlock()
			}
		})
	}
	working.Wait()
	return errors.Join(errs...)
}

// take takes over a part of an answer, after which about so many octets will follow.
func (a *answer) take(part *answer, follow int) {
	if len(part.out) == 0 {
		return
	}
	if cap(a.out)-len(a.out) <= len(part.out) {
		a.out = slices.Grow(a.out, 1+len(part.out)+follow)
	}
	a.comma()
	a.out = append(a.out, part.out...)
	for key, event := range part.members {
		a.noteMember(key, event)
	}
}

// someRooms writes rooms, about which is read together first what is not in memory.
func (a *answer) someRooms(s section, stays []room.Stay) error {
	rooms := make([]*room.Room, len(stays))
	for i, stay := range stays {
		rooms[i] = stay.Room
	}
	a.prepare(rooms, s.name == "join")
	return a.inTurn(s, stays)
}

// prepare reads about rooms, together, what is not in memory. What cannot be read now, or
// panics, is left to each room, which is told or left out by itself.
func (a *answer) prepare(rooms []*room.Room, joined bool) {
	defer func() { _ = recover() }()
	a.receipts = nil
	a.Rooms.Warm(a.ctx, rooms)
	if a.Unread != nil && joined {
		a.Unread.Prepare(a.ctx, a.User, rooms)
	}
	if a.Receipts == nil || !a.initial() {
		return
	}
	ids := make([]matrix.RoomID, len(rooms))
	for i, r := range rooms {
		ids[i] = matrix.RoomID(r.ID())
	}
	if all, err := a.Receipts.All(a.ctx, ids, a.User, a.to); err == nil {
		a.receipts = all
	}
}

// Rouse reads of the rooms in which something has happened last what a first answer does,
// several at a time: whoever comes first after a start need not wait for connections to be
// opened and statements to be prepared.
func (s *Syncer) Rouse(ctx context.Context) {
	var reading sync.WaitGroup
	for some := range slices.Chunk(s.Rooms.Newest(together*runtime.GOMAXPROCS(0)), together) {
		a := &answer{Syncer: s, query: &query{}, ctx: ctx, to: s.Stream.Visible()} // to nobody
		reading.Go(func() { a.prepare(some, false) })
	}
	reading.Wait()
}
