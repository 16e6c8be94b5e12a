package sync

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"signet/internal/homeserver/room"
)

const (
	// many is from how many rooms on they are written by several at a time.
	many = 8
	// manyOctets is about how much each of them writes.
	manyOctets = 128 << 10
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
			for n := next.Add(1); n <= int64(len(stays)) && errs[i] == nil; n = next.Add(1) {
				errs[i] = part.oneRoom(s, stays[n-1])
			}
		})
	}
	working.Wait()
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
