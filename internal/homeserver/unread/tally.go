package unread

import (
	"slices"

	"signet/internal/homeserver/receipt"
	"signet/internal/homeserver/stream"
)

// tally is what was counted for a user in a room. One that others may see is not changed
// but by whoever has its item.
type tally struct {
	wishes  *wishes
	upTo    stream.Pos            // all before it is in the tally
	read    map[string]stream.Pos // by thread, that for all of them under ""
	notices []notice              // the oldest first, at most MaxEvents
}

// notice is a notification that is not read.
type notice struct {
	pos       stream.Pos
	id        string
	thread    string // receipt.Main, or the event id of its root
	highlight bool
}

// timeline is a thread's name in receipts, given the event id of its root or "".
func timeline(root string) string {
	if root == "" {
		return receipt.Main
	}
	return root
}

// clone is a tally that can be gone on with.
func (t *tally) clone() *tally {
	c := *t
	c.read = make(map[string]stream.Pos, len(t.read))
	for thread, pos := range t.read {
		c.read[thread] = pos
	}
	c.notices = slices.Clone(t.notices)
	return &c
}

// notify adds a notification, unless it is read.
func (t *tally) notify(n notice) {
	if n.pos <= t.read[""] || n.pos <= t.read[n.thread] {
		return
	}
	t.notices = append(t.notices, n)
	if len(t.notices) > MaxEvents {
		t.notices = slices.Delete(t.notices, 0, 1)
	}
}

// readUpTo has a timeline read up to a position.
func (t *tally) readUpTo(pos stream.Pos, thread string) {
	t.read[thread] = max(t.read[thread], pos)
	t.notices = slices.DeleteFunc(t.notices, func(n notice) bool { return n.thread == thread && n.pos <= pos })
}

// forget takes the notification of an event back.
func (t *tally) forget(id string) {
	t.notices = slices.DeleteFunc(t.notices, func(n notice) bool { return n.id == id })
}

// counts is what is unread up to a position.
func (t *tally) counts(to stream.Pos) (c Counts) {
	for _, n := range t.notices {
		if n.pos > to {
			break
		}
		one := Count{Notifications: 1}
		if n.highlight {
			one.Highlights = 1
		}
		if n.thread == receipt.Main {
			c.Main.add(one)
			continue
		}
		if c.Threads == nil {
			c.Threads = map[string]Count{}
		}
		sum := c.Threads[n.thread]
		sum.add(one)
		c.Threads[n.thread] = sum
	}
	return c
}

// What things weigh in memory, about.
const (
	tallyWeight  = 400
	noticeWeight = 400 // with the ids of its event and its thread
	readWeight   = 120
)

func (t *tally) weight() int {
	return tallyWeight + noticeWeight*len(t.notices) + readWeight*len(t.read)
}
