package account

import (
	"fmt"
	"testing"
	"time"

	"signet/internal/matrix"
)

// However many are asked for, few are kept, and the last of them.
func TestNewcomersAreForgotten(t *testing.T) {
	var n newcomers
	user := func(i int) matrix.UserID { return matrix.UserID(fmt.Sprintf("@u%d:hs.test", i)) }
	const all = 5*maxNewcomers + 7
	for i := range all {
		n.put(user(i), time.UnixMilli(int64(i)))
		if i == all-maxNewcomers {
			n.find(user(i - 100))
		}
	}
	if kept := len(n.young) + len(n.old); kept > 2*maxNewcomers {
		t.Errorf("%d are kept, want at most %d", kept, 2*maxNewcomers)
	}
	for i := all - maxNewcomers; i < all; i++ {
		if since, known := n.find(user(i)); !known || since.UnixMilli() != int64(i) {
			t.Fatalf("find(%d) = %v, %v", i, since, known)
		}
	}
	if _, known := n.find(user(0)); known {
		t.Error("the first is known still")
	}
}
