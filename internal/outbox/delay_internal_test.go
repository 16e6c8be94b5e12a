package outbox

import (
	"testing"
	"time"
)

// A kind may be more patient than others, or less.
func TestDelaysOfAKind(t *testing.T) {
	for _, test := range []struct {
		kind     Kind
		attempts int
		want     time.Duration // at most; half of it at least
	}{
		{Kind{}, 1, 5 * time.Second}, {Kind{}, 3, 20 * time.Second}, {Kind{}, 99, 10 * time.Minute},
		{Kind{FirstRetry: time.Second, LastRetry: time.Hour}, 1, time.Second}, {Kind{FirstRetry: time.Second, LastRetry: time.Hour}, 12, 2048 * time.Second},
		{Kind{FirstRetry: time.Second, LastRetry: time.Hour}, 13, time.Hour}, {Kind{FirstRetry: time.Second, LastRetry: time.Hour}, 1000, time.Hour},
	} {
		for range 100 {
			if got := test.kind.delay(test.attempts); got < test.want/2 || got > test.want {
				t.Fatalf("delay(%d) = %v, want up to %v", test.attempts, got, test.want)
			}
		}
	}
}
