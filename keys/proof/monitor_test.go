package proof_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"signet/keys/entry"
	"signet/keys/ladder"
	. "signet/keys/proof"
)

// monitor claims that a label has n versions; an honest server knows how many.
func (w *world) monitor(label string, n int, seen int64) *Monitor {
	w.Helper()
	m := &Monitor{Anchor: w.anchor(seen), Present: n > 0, Version: uint32(max(0, n-1))}
	for _, v := range Beyond(int64(n)) {
		m.Beyond = append(m.Beyond, w.rung(label, v))
	}
	return m
}

func (w *world) verifyMonitor(m *Monitor, asked Asked) (Monitored, error) {
	w.Helper()
	parsed, err := ParseMonitor(marshal(w, m))
	if err != nil {
		return Monitored{}, err
	}
	return VerifyMonitor(parsed, asked, w.policy(), w.now)
}

// An owner who has seen all learns that nothing was added, and one who has not, that there
// is more; in fewer octets than the history.
func TestMonitor(t *testing.T) {
	w, seen := populated(t)
	for label, versions := range w.versions {
		newest := uint32(len(versions) - 1)
		m := w.monitor(label, len(versions), seen.N)
		for known, more := range map[*uint32]bool{nil: true, &newest: false} {
			got, err := w.verifyMonitor(m, Asked{Label: label, Head: &seen, Version: known})
			if err != nil || !got.Present || got.Version != newest || got.More != more || got.Head != w.head() || len(got.Held) != 6 {
				t.Errorf("%s: %+v, %v; more %t", label, got, err, more)
			}
		}
		if cheap, whole := len(marshal(t, m)), len(marshal(t, w.history(label, len(versions), seen.N))); cheap >= whole {
			t.Errorf("%s: %d octets, and the history has %d", label, cheap, whole)
		}
	}
	before := uint32(0)
	if got, err := w.verifyMonitor(w.monitor(alice, 3, 0), Asked{Label: alice, Version: &before}); err != nil || !got.More {
		t.Errorf("two versions were added: %+v, %v", got, err)
	}
	if got, err := w.verifyMonitor(w.monitor(nobody, 0, 0), Asked{Label: nobody}); err != nil || got.Present || got.More {
		t.Errorf("nobody: %+v, %v", got, err)
	}
}

func TestMonitorThatLies(t *testing.T) {
	w, seen := populated(t)
	newest := uint32(2)
	for what, c := range map[string]struct {
		edit   func(m *Monitor)
		asked  Asked
		step   Step
		reason error
	}{
		"a version hidden":             {func(m *Monitor) { *m = *w.monitor(alice, 2, 0) }, Asked{}, StepLadder, ladder.ErrRungs},
		"all hidden":                   {func(m *Monitor) { *m = *w.monitor(alice, 0, 0) }, Asked{}, StepLadder, ladder.ErrRungs},
		"one hidden that was seen":     {func(m *Monitor) { *m = *w.monitor(alice, 2, 0) }, Asked{Version: &newest}, StepLadder, ErrOlder},
		"all hidden that was seen":     {func(m *Monitor) { *m = *w.monitor(alice, 0, 0) }, Asked{Version: &newest}, StepLadder, ErrOlder},
		"a version and none":           {func(m *Monitor) { *m = *w.monitor(nobody, 0, 0); m.Version = 1 }, Asked{}, StepLadder, ladder.ErrRungs},
		"nothing beyond":               {func(m *Monitor) { m.Beyond = nil }, Asked{}, StepLadder, ladder.ErrRungs},
		"one beyond left out":          {func(m *Monitor) { m.Beyond = m.Beyond[:len(m.Beyond)-1] }, Asked{}, StepLadder, ladder.ErrRungs},
		"one that is there as beyond":  {func(m *Monitor) { m.Beyond[0] = w.rung(alice, 1) }, Asked{}, StepLadder, ladder.ErrRungs},
		"another's rung":               {func(m *Monitor) { m.Beyond[0] = w.rung(bob, m.Beyond[0].Version) }, Asked{}, StepLadder, ErrVRF},
		"another log than before":      {func(m *Monitor) { m.Consistency = nil }, Asked{Head: &seen}, StepConsistency, ErrSplit},
		"a question about no label":    {func(*Monitor) {}, Asked{Label: "x"}, StepLabel, entry.ErrLabel},
		"a checkpoint of another name": {func(m *Monitor) { m.Checkpoint = "x" + m.Checkpoint }, Asked{}, StepCheckpoint, nil},
	} {
		m := w.monitor(alice, 3, 0)
		c.edit(m)
		if c.asked.Label == "" {
			c.asked.Label = alice
		}
		_, err := w.verifyMonitor(m, c.asked)
		var failed *Failed
		if !errors.As(err, &failed) || failed.Step != c.step || c.reason != nil && !errors.Is(err, c.reason) {
			t.Errorf("%s: %v, want %s: %v", what, err, c.step, c.reason)
		}
	}
}

func TestParseMonitorRefuses(t *testing.T) {
	w, _ := populated(t)
	m := w.monitor(alice, 3, 0)
	m.Beyond = slices.Repeat(m.Beyond[:1], ladder.MaxRungs+1)
	if _, err := ParseMonitor(marshal(t, m)); !errors.Is(err, ErrProof) {
		t.Errorf("%d rungs: %v", len(m.Beyond), err)
	}
	for _, bad := range []string{"", "null", "[]", `{"version":0,"version":1}`, fmt.Sprintf("%*s", MaxMonitor+1, "{}")} {
		if _, err := ParseMonitor([]byte(bad)); !errors.Is(err, ErrProof) {
			t.Errorf("ParseMonitor(%.20q) = %v", bad, err)
		}
	}
}

// Whatever octet is changed, nobody is told of another number of versions.
func FuzzVerifyMonitor(f *testing.F) {
	w, _ := populated(f)
	newest := uint32(2)
	f.Add(marshal(f, w.monitor(alice, 3, 0)), uint16(0), byte(0))
	f.Add(marshal(f, w.monitor(alice, 2, 0)), uint16(2000), byte(1))
	f.Fuzz(func(t *testing.T, input []byte, at uint16, flip byte) {
		if len(input) > 0 {
			input = slices.Clone(input)
			input[int(at)%len(input)] ^= flip
		}
		m, err := ParseMonitor(input)
		if err != nil {
			if !errors.Is(err, ErrProof) {
				t.Fatalf("ParseMonitor(%q) = %v", input, err)
			}
			return
		}
		got, err := VerifyMonitor(m, Asked{Label: alice, Version: &newest}, w.policy(), w.now)
		if err == nil && !got.More && (!got.Present || got.Version != newest) {
			t.Fatalf("%q: %+v", input, got)
		}
	})
}
