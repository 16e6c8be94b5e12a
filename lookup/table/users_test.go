package table

import (
	"fmt"
	"testing"
)

// A record that is written again and again does not fill the memory, and the others stay.
func TestWhatIsReplacedIsForgotten(t *testing.T) {
	var u users
	u.put(0, []byte("@first:example.org"))
	for i := range 100_000 {
		u.put(1, fmt.Appendf(nil, "@%0200d:example.org", i))
	}
	if len(u.pieces) > 4 || string(u.get(0)) != "@first:example.org" || string(u.get(1)) != fmt.Sprintf("@%0200d:example.org", 99_999) {
		t.Errorf("%d pieces, and the users are %q and %q", len(u.pieces), u.get(0), u.get(1))
	}
}
