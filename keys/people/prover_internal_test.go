package people

import (
	"bytes"
	"testing"

	"signet/keys/entry"
	"signet/keys/vrf"
)

// What was asked before an erasure and proven after it is not remembered; a replica that has
// missed more erasures than are listed remembers nothing.
func TestAProverForgets(t *testing.T) {
	key, err := vrf.NewPrivateKey(bytes.Repeat([]byte{8}, vrf.SeedLen))
	if err != nil {
		t.Fatal(err)
	}
	l, err := entry.ParseLabel("email:alice@example.org")
	if err != nil {
		t.Fatal(err)
	}
	p := newProver(key, 10)
	remembers := func(tags ...byte) bool {
		for _, n := range tags {
			if p.recall(proven{tag{n}, 0}) == nil {
				return false
			}
		}
		return len(tags) == p.used.Len() && len(tags) == len(p.made)
	}
	early := p.round()
	first := p.prove(l, tag{1}, 0, early)
	p.prove(l, tag{2}, 0, early)
	p.forget(1, []tag{{1}, {9}})
	if !remembers(2) || p.known() != 1 {
		t.Errorf("after an erasure it has %d proofs of other labels, want 1", len(p.made))
	}
	if again := p.prove(l, tag{1}, 0, early); again != first {
		t.Error("a proof that was forgotten is another now")
	}
	p.prove(l, tag{3}, 0, fleeting)
	if !remembers(2) {
		t.Errorf("it has %d proofs, want none of what may be erased", len(p.made))
	}
	p.prove(l, tag{3}, 0, p.round())
	if !remembers(2, 3) {
		t.Errorf("it has %d proofs, want 2", len(p.made))
	}
	p.forget(2+erasuresKept, nil)
	if !remembers() {
		t.Errorf("it has %d proofs although it missed erasures", len(p.made))
	}
}
