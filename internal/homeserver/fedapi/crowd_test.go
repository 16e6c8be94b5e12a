package fedapi

import (
	"errors"
	"testing"

	"signet/internal/crowd"
	"signet/internal/matrix"
)

// Each server has places of its own, on all of its ports, fewer for what moves much; who
// leaves makes room.
func TestPlaces(t *testing.T) {
	for large, places := range map[bool]int{false: placesOfServer, true: placesOfLarge} {
		var a API
		var last func()
		for range places {
			leave, err := a.admit("a.test", large)
			if err != nil {
				t.Fatal(err)
			}
			last = leave
		}
		for name, full := range map[matrix.ServerName]bool{"a.test": true, "a.test:8448": true, "b.test": false} {
			leave, err := a.admit(name, large)
			if limited := errors.Is(err, matrix.LimitExceeded{RetryAfter: crowd.RetryAfter}); limited != full {
				t.Errorf("%s, large %v: %v, want it turned away %v", name, large, err, full)
			}
			if err == nil {
				leave()
			}
		}
		last()
		leave, err := a.admit("a.test", large)
		if err != nil {
			t.Errorf("large %v: there is no room after somebody has left: %v", large, err)
		}
		leave()
		if large {
			if _, err := a.admit("a.test", false); err != nil {
				t.Errorf("who moves much keeps the server's other requests out: %v", err)
			}
		}
	}
}
