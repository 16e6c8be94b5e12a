package sync

import (
	"bytes"
	"hash/maphash"
	"maps"
	"sync"

	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

type deviceKey struct {
	user   matrix.UserID
	device string
}

// device is what is remembered of a device. All of it may be lost.
type device struct {
	turn chan struct{} // has a place for one who makes an answer that tells everything

	mu       sync.Mutex // guards what follows
	requests int        // that are being answered

	// settled is a position up to which no message to the device waits; supply is what it
	// had of keys then.
	settled stream.Pos
	supply  supply

	// members are the memberships that it was told, and last is where it was told the
	// last of them.
	members map[uint64]membership
	last    stream.Pos

	// owed are the rooms of which it was not told, since they could not be read; and the
	// end of the answer that told it after all, which has perhaps not arrived, or 0.
	owed map[*room.Room]stream.Pos
}

// supply is what keys a device has that others may claim, as members of an answer, or nil
// if that is not known.
type supply []byte

// membership is an m.room.member that a device was told.
type membership struct {
	event stream.Pos
	told  stream.Pos // the end of the answer
}

func newDevice() *device { return &device{turn: make(chan struct{}, 1)} }

// begin takes a place among the requests that are answered, if one is free. end leaves it.
func (d *device) begin() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.requests == maxRequests {
		return false
	}
	d.requests++
	return true
}

func (d *device) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.requests--
}

// has takes note that the device has everything up to a position: what it was told beyond
// has perhaps not arrived.
func (d *device) has(upTo stream.Pos) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if upTo == 0 {
		clear(d.members)
		clear(d.owed)
	}
	maps.DeleteFunc(d.owed, func(_ *room.Room, told stream.Pos) bool { return told > 0 && told <= upTo })
	for r := range d.owed {
		d.owed[r] = 0
	}
	if d.last <= upTo {
		return
	}
	maps.DeleteFunc(d.members, func(_ uint64, m membership) bool { return m.told > upTo })
	d.last = upTo
}

// quiet is the device's supply of keys, if no message waits for it and nothing of it has
// changed up to a position after which nothing concerned its user.
func (d *device) quiet(concerned stream.Pos) (supply, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.supply, d.supply != nil && concerned <= d.settled
}

// learn takes over what was read of the device up to a position: its supply, and whether
// messages wait for it. It tells whether the supply is another than before.
func (d *device) learn(now supply, wait bool, to stream.Pos) (changed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	changed = d.supply != nil && !bytes.Equal(d.supply, now)
	if to < d.settled {
		return changed
	}
	d.supply = now
	if !wait {
		d.settled = to
	}
	return changed
}

var seed = maphash.MakeSeed()

// memberKey stands for a member of a room, among the few that a device knows.
func memberKey(r *room.Room, user string) uint64 {
	return maphash.Comparable(seed, [2]string{r.ID(), user})
}

// knows tells whether the device was told a membership.
func (d *device) knows(r *room.Room, user string, event stream.Pos) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.members[memberKey(r, user)].event == event
}

// maxMembers is how many memberships are remembered of a device.
const maxMembers = 500

// tell remembers memberships that the device is told in an answer.
func (d *device) tell(members map[uint64]stream.Pos, to stream.Pos) {
	if len(members) == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.members == nil || len(d.members)+len(members) > maxMembers {
		d.members = make(map[uint64]membership, len(members))
	}
	for key, event := range members {
		if len(d.members) < maxMembers {
			d.members[key] = membership{event, to}
		}
	}
	d.last = max(d.last, to)
}

// owe remembers that the device was not told of a room.
func (d *device) owe(r *room.Room) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.owed == nil {
		d.owed = map[*room.Room]stream.Pos{}
	}
	d.owed[r] = 0
}

// owes tells whether the device is still to be told of a room.
func (d *device) owes(r *room.Room) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	told, owed := d.owed[r]
	return owed && told == 0
}

// paid takes note that an answer tells all of a room.
func (d *device) paid(r *room.Room, to stream.Pos) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, owed := d.owed[r]; owed {
		d.owed[r] = to
	}
}
