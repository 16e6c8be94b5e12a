package notary

import (
	"net/netip"
	"sync"

	"signet/internal/matrix"
)

// What answers are in memory at once, in octets of their documents; with what is made of them an
// answer takes some two and a half times that. The largest, with its proofs, is less than
// maxLargeFor, which a network may have once. Small ones, as nearly all are, have room of their own, so that those who read large ones slowly
// keep nobody from theirs.
const (
	smallAnswer    = 256 << 10
	maxSmall       = 32 << 20
	maxLarge       = 144 << 20
	maxLargeFor    = 48 << 20 // of one network
	largeByNetwork = "large "
)

// pool is which room an answer takes.
type pool string

const (
	small pool = "small"
	large pool = "large"
)

// room is what one answer takes of the memory for all.
type room struct {
	within  *crowd
	network netip.Prefix // zero when unknown

	mu     sync.Mutex // guards the rest
	octets int
	in     pool
}

// grow makes room for so many octets more. The error is matrix.LimitExceeded where there is none.
func (r *room) grow(octets int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	total := r.octets + octets
	to := small
	if total > smallAnswer {
		to = large
	}
	if to != r.in {
		r.leave()
		octets = total
	}
	if !r.enter(to, octets) {
		return matrix.LimitExceeded{RetryAfter: crowdedFor}
	}
	r.in, r.octets = to, r.octets+octets
	return nil
}

// enter takes room in a pool, or none.
func (r *room) enter(p pool, octets int) bool {
	if p == small {
		return r.within.enter(string(p), octets, maxSmall)
	}
	if !r.within.enter(string(p), octets, maxLarge) {
		return false
	}
	if !r.network.IsValid() || r.within.enter(largeByNetwork+r.network.String(), octets, maxLargeFor) {
		return true
	}
	r.within.leave(string(p), octets)
	return false
}

// leave gives back all.
func (r *room) leave() {
	if r.octets == 0 {
		return
	}
	r.within.leave(string(r.in), r.octets)
	if r.in == large && r.network.IsValid() {
		r.within.leave(largeByNetwork+r.network.String(), r.octets)
	}
	r.octets = 0
}

// release is leave for who does not grow any more.
func (r *room) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leave()
}
