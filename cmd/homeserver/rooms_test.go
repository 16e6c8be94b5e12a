package main

import (
	"strings"
	"testing"

	"signet/internal/store/storetest"
)

// Two servers on one database would each write what the other does not know of: the
// second does not start, until the first has stopped.
func TestASecondServer(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		w := newWorld(t, url)
		first := w.serve()
		status, _, stderr := w.command("serve")
		if status == 0 || !strings.Contains(stderr, "another process holds it") {
			t.Errorf("a second server ends with %d and says %q", status, stderr)
		}
		if status := first.stop(); status != 0 {
			t.Errorf("the first ends with %d", status)
		}
		if status := w.serve().stop(); status != 0 {
			t.Errorf("the next ends with %d", status)
		}
	})
}
