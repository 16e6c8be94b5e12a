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
	// manyOctets is about how much each of them writes.
	manyOctets = 128 << 10
	// together is how many rooms one of them reads together, and then writes.
	together = 8
)

// sideBySide writes rooms, several at a time and in no order.
func (a *answer) sideBySide(s section, stays []room.Stay) error {
	parts := make([]answer, runtime.GOMAXPROCS(0))
	errs := make([]error, len(parts))
	var next atomic.Int64
	var working sync.WaitGroup
	for i := range parts {
		part := &parts[i]
		*part = *a
		part.out, part.members = make([]byte, 0, manyOctets), nil
		working.Go(func() {
			for end := next.Add(together); end-together < int64(len(stays)) && errs[i] == nil; end = next.Add(together) {
				errs[i] = part.someRooms(s, stays[end-together:min(end, int64(len(stays)))])
				part.foresee(int(end), len(stays), len(parts))
			}
		})
	}
	working.Wait()
	octets := 0
	for _, part := range parts {
		octets += len(part.out) + 1
	}
	a.out = slices.Grow(a.out, octets)
	for _, part := range parts {
		if len(part.out) > 0 {
			a.comma()
			a.out = append(a.out, part.out...)
		}
		for key, event := range part.members {
			a.noteMember(key, event)
		}
	}
	return errors.Join(errs...)
}

// foresee makes room for a part's share of the rooms that are left, if they are like those
// that so many parts have written so far.
func (a *answer) foresee(written, rooms, parts int) {
	if left := rooms - written; left > 0 && cap(a.out)-len(a.out) < len(a.out) {
		a.out = slices.Grow(a.out, len(a.out)*left/written+manyOctets)
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
