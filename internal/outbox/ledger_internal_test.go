package outbox

import (
	"slices"
	"testing"
)

// A job is in the ledger from its end until it is recorded, and who comes while a group
// is written begins the next one.
func TestLedger(t *testing.T) {
	var l ledger
	has := func(id string) bool { return l.has(func(r jobRow) bool { return r.id == id }) }
	want := func(when, ids string) {
		t.Helper()
		for _, id := range []string{"a", "b", "c"} {
			if got, want := has(id), slices.Contains([]byte(ids), id[0]); got != want {
				t.Errorf("%s: has(%q) = %t, want %t", when, id, got, want)
			}
		}
	}
	want("empty", "")
	if first, second := l.add(jobRow{id: "a"}), l.add(jobRow{id: "b"}); !first || second {
		t.Errorf("the first of a group: a %t, b %t; want a", first, second)
	}
	want("gathered", "ab")
	l.record(func(ids []string) {
		if !slices.Equal(ids, []string{"a", "b"}) {
			t.Errorf("recorded %q, want a and b", ids)
		}
		if !l.add(jobRow{id: "c"}) {
			t.Error("c begins no group, so nobody would record it")
		}
		want("written", "abc")
	})
	want("recorded", "c")
	l.record(func([]string) {})
	want("all recorded", "")
}
