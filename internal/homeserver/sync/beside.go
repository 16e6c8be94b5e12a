package sync

import (
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

// someRooms writes rooms, about which is read together first what is not in memory.
func (a *answer) someRooms(s section, stays []room.Stay) error {
	rooms, ids := make([]*room.Room, len(stays)), make([]matrix.RoomID, len(stays))
	for i, stay := range stays {
		rooms[i], ids[i] = stay.Room, matrix.RoomID(stay.Room.ID())
	}
	a.Rooms.Warm(a.ctx, rooms)
	if a.Unread != nil && s.name == "join" {
		a.Unread.Prepare(a.ctx, a.User, rooms)
	}
	if a.Receipts != nil && a.initial() {
		var err error
		if a.receipts, err = a.Receipts.All(a.ctx, ids, a.User, a.to); err != nil {
			return err
		}
	}
	return a.inTurn(s, stays)
}
