package unread

import (
	"slices"

	"signet/internal/homeserver/receipt"
	"signet/internal/homeserver/stream"
)

// tally is what was counted for a user in a room. Only whoever has its item reads or changes
// it.
type tally struct {
	wishes  *wishes
	upTo    stream.Pos            // all before it is in the tally
	read    map[string]stream.Pos // by thread, that for all of them under ""
	notices []notice              // the oldest first, at most MaxEvents
}

// notice is a notification that is not read. There are very many of them.
type notice struct {
	pos       stream.Pos
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

// notify adds a notification, unless it is read.
func (t *tally) notify(n notice) {
	if n.pos <= t.read[""] || n.pos <= t.read[n.thread] {
		return
	}
	t.notices = append(t.notices, n)
	if len(t.notices) > MaxEvents {
		t.notices = slices.Delete(t.notices, 0, len(t.notices)-MaxEvents)
	}
}

// readUpTo has a timeline read up to a position.
func (t *tally) readUpTo(pos stream.Pos, thread string) {
	t.read[thread] = max(t.read[thread], pos)
	t.notices = slices.DeleteFunc(t.notices, func(n notice) bool { return n.thread == thread && n.pos <= pos })
}

// forget takes the notification of the event at a position back.
func (t *tally) forget(pos stream.Pos) {
	t.notices = slices.DeleteFunc(t.notices, func(n notice) bool { return n.pos == pos })
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
	noticeWeight = 40
	threadWeight = 60 // the event id of a notice's thread
	readWeight   = 120
)

func (t *tally) weight() int {
	weight := tallyWeight + noticeWeight*cap(t.notices) + readWeight*len(t.read)
	for _, n := range t.notices {
		if n.thread != receipt.Main {
			weight += threadWeight
		}
	}
	return weight
}
