package notary

import (
	"errors"
	"net/netip"
	"testing"

	"signet/internal/matrix"
)

// Large answers have their room together and by network, and keep nobody from small ones; what is
// released is free again.
func TestTheRoomForAnswers(t *testing.T) {
	var within crowd
	of := func(network string) *room { return &room{within: &within, network: netip.MustParsePrefix(network)} }
	fills := func(what string, r *room, octets int, fits bool) {
		t.Helper()
		err := r.grow(octets)
		if _, limited := errors.AsType[matrix.LimitExceeded](err); limited == fits || err != nil && !limited {
			t.Errorf("%s: %v, want that it fits: %t", what, err, fits)
		}
	}
	first := of("192.0.2.1/32")
	fills("a small answer", first, smallAnswer, true)
	fills("that becomes the largest", first, maxLargeFor-smallAnswer, true)
	fills("and larger", first, 1, false)
	first.release()
	var slow []*room
	for _, network := range []string{"192.0.2.1/32", "192.0.2.2/32"} {
		r := of(network)
		fills("a large one of "+network, r, maxLargeFor, true)
		slow = append(slow, r)
	}
	fills("another of the same network", of("192.0.2.1/32"), smallAnswer+1, false)
	rest := of("192.0.2.3/32")
	fills("all that is left", rest, maxLarge-2*maxLargeFor, true)
	fills("one more large one", of("192.0.2.4/32"), smallAnswer+1, false)
	little := of("192.0.2.4/32")
	fills("a small one all the same", little, 1000, true)
	for _, r := range append(slow, rest, little) {
		r.release()
		r.release() // does no harm
	}
	if len(within.within) != 0 {
		t.Errorf("when all are sent, taken are still %v", within.within)
	}
	for range maxSmall / smallAnswer {
		fills("small ones", &room{within: &within}, smallAnswer, true)
	}
	fills("a small one too many", &room{within: &within}, 1, false)
}
