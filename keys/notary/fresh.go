package notary

import (
	"time"

	"signet/internal/matrix"
)

const (
	// again is the least time between two fetches from a server whose document is valid:
	// asking once more so soon brings nothing that is worth it.
	again = time.Minute
	// heldAgain is that while its new keys are held: each answer is an entry of the log.
	heldAgain = 10 * time.Minute
)

// Wanted is what somebody wants to know of a server.
type Wanted struct {
	// Keys are the ids asked for, with until when each should be valid; none is all. Ids that
	// are none are known of no server.
	Keys map[matrix.KeyID]time.Time
	// Until is the same for all keys. Zero, here and in Keys, is now.
	Until time.Time
}

// stale tells whether the server has to be asked.
func (k known) stale(w Wanted, now time.Time) bool {
	if k.current.n == 0 {
		return true
	}
	since := now.Sub(k.asked)
	if k.held != 0 && now.Before(k.due) {
		return since >= heldAgain
	}
	if now.Before(k.current.until) && since < again {
		return false
	}
	return k.held != 0 || k.halfOver(now) || k.lacks(w, now)
}

// halfOver tells whether half of the document's life is over (server-server API, GET
// /_matrix/key/v2/server: notaries cache a response for that long).
func (k known) halfOver(now time.Time) bool {
	half := k.current.until.Sub(k.current.fetched) / 2
	return !now.Before(k.current.fetched.Add(half))
}

// lacks tells whether something is wanted that is not known, or not valid for long enough.
// A key that signs no longer will never be valid for longer.
func (k known) lacks(w Wanted, now time.Time) bool {
	if len(w.Keys) == 0 {
		return k.current.until.Before(orNow(w.Until, now))
	}
	for id, until := range w.Keys {
		key, ok := k.keys[id]
		if !ok || key.expired.IsZero() && k.current.until.Before(orNow(until, now)) {
			return true
		}
	}
	return false
}

func orNow(t, now time.Time) time.Time {
	if t.IsZero() {
		return now
	}
	return t
}

// numbers are the objects that hold what is wanted, besides the current one.
func (k known) numbers(w Wanted) map[int64]bool {
	all := map[int64]bool{}
	for id, key := range k.keys {
		_, asked := w.Keys[id]
		if (asked || len(w.Keys) == 0) && key.n != k.current.n {
			all[key.n] = true
		}
	}
	return all
}
