package account

import (
	"fmt"
	"testing"
	"time"

	"signet/internal/matrix"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// watching is a memory to which the database has just been shown.
func watching() *memory {
	m := new(memory)
	m.learn(nil, noon)
	return m
}

func tokenOf(user matrix.UserID, tick uint64) remembered {
	return remembered{Device: Device{User: user, ID: "PHONE"}, seen: noon, tick: tick}
}

func (m *memory) has(mac string) bool {
	_, found := m.find([]byte(mac), noon)
	return found
}

// A token is read, and ends before it is remembered, or after: neither order keeps it.
func TestATokenThatEndsWhileItIsRead(t *testing.T) {
	const alice, bob matrix.UserID = "@alice:hs.test", "@bob:hs.test"
	for _, end := range []func(*memory){
		func(m *memory) { m.forget(alice) },
		func(m *memory) { m.learn(map[int]int64{slotOf(alice): 1}, noon) },
	} {
		for _, first := range []bool{true, false} {
			m := watching()
			tick := m.begin()
			if first {
				end(m)
			}
			m.put([]byte("a"), tokenOf(alice, tick))
			m.put([]byte("b"), tokenOf(bob, tick))
			if !first {
				end(m)
			}
			if m.has("a") || !m.has("b") {
				t.Errorf("ended before it was remembered %v: alice's is there %v, bob's %v", first, m.has("a"), m.has("b"))
			}
			m.put([]byte("a"), tokenOf(alice, m.begin()))
			if !m.has("a") {
				t.Error("one that was read afterwards is not there")
			}
		}
	}
}

// However many tokens are used, those in use stay and the memory stays small.
func TestTheMemoryIsBounded(t *testing.T) {
	m := watching()
	m.put([]byte("used"), tokenOf("@used:hs.test", 0))
	for i := range 4 * generation / tokenWeight {
		m.put(fmt.Append(nil, i), tokenOf(matrix.UserID(fmt.Sprintf("@u%d:hs.test", i)), 0))
		if !m.has("used") {
			t.Fatalf("a token in use was forgotten after %d others", i)
		}
		if n := len(m.young) + len(m.old); n > 2*generation/tokenWeight {
			t.Fatalf("%d tokens are remembered", n)
		}
	}
	if m.has("0") {
		t.Error("the first token is remembered still")
	}
}

// Processes agree on the slot of a user, and few share one.
func TestSlots(t *testing.T) {
	users := map[int]int{}
	for i := range 100 * slots {
		users[slotOf(matrix.UserID(fmt.Sprintf("@u%d:hs.test", i)))]++
	}
	for slot, n := range users {
		if slot < 0 || slot >= slots || n > 200 {
			t.Errorf("slot %d has %d users of %d", slot, n, 100*slots)
		}
	}
	if slotOf("@alice:hs.test") != 234 {
		t.Errorf("alice is in slot %d, want 234, as in every version", slotOf("@alice:hs.test"))
	}
}
