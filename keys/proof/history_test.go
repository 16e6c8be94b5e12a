package proof_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"signet/keys/entry"
	"signet/keys/ladder"
	. "signet/keys/proof"
	"signet/keys/value"
)

// history is of the first n versions of a label; an honest server shows all.
func (w *world) history(label string, n int, seen int64) *History {
	w.Helper()
	h := &History{Anchor: w.anchor(seen)}
	for i, v := range w.versions[label][:n] {
		shown := NewVersion(w.rung(label, uint32(i)), v.opening, v.value)
		shown.Place = w.place(v.position)
		h.Versions = append(h.Versions, shown)
	}
	for _, v := range Beyond(int64(n)) {
		h.Beyond = append(h.Beyond, w.rung(label, v))
	}
	return h
}

func (w *world) place(position int64) *Place {
	w.Helper()
	included, err := tlog.ProveRecord(w.state.Size(), position, w.reader())
	if err != nil {
		w.Fatal(err)
	}
	return NewPlace(position, included)
}

func (w *world) verifyHistory(h *History, asked Asked) (Past, error) {
	w.Helper()
	parsed, err := ParseHistory(marshal(w, h))
	if err != nil {
		return Past{}, err
	}
	return VerifyHistory(parsed, asked, w.policy(), w.now)
}

func TestHistory(t *testing.T) {
	w, seen := populated(t)
	w.now = w.now.Add(48 * time.Hour) // no value is in force any more
	w.seal()
	for label, versions := range w.versions {
		past, err := w.verifyHistory(w.history(label, len(versions), seen.N), Asked{Label: label, Head: &seen})
		if err != nil || len(past.Values) != len(versions) || len(past.Held) != 8 || past.Head != w.head() {
			t.Fatalf("%s: %+v, %v", label, past, err)
		}
		for i, v := range versions {
			if string(past.Values[i].JSON()) != string(v.value) {
				t.Errorf("%s: version %d is %s", label, i, past.Values[i].JSON())
			}
			if past.Positions[i] != v.position {
				t.Errorf("%s: version %d is entry %d, want %d", label, i, past.Positions[i], v.position)
			}
		}
	}
	if past, err := w.verifyHistory(w.history(nobody, 0, 0), Asked{Label: nobody}); err != nil || len(past.Values) != 0 {
		t.Errorf("nobody: %+v, %v", past, err)
	}
}

// A history need not say where its versions stand; then nothing is said of that.
func TestHistoryWithoutPlaces(t *testing.T) {
	w, _ := populated(t)
	h := w.history(alice, 3, 0)
	h.Versions[1].Place = nil
	past, err := w.verifyHistory(h, Asked{Label: alice})
	if err != nil || past.Positions[1] != 0 || past.Positions[2] != w.versions[alice][2].position {
		t.Errorf("without a place: %+v, %v", past.Positions, err)
	}
}

func TestErasedHistory(t *testing.T) {
	w, _ := populated(t)
	h := w.history(alice, 3, 0)
	h.Versions[1] = NewErased(h.Versions[1].Rung)
	past, err := w.verifyHistory(h, Asked{Label: alice})
	if err != nil || past.Values[0] == nil || past.Values[1] != nil || past.Values[2] == nil {
		t.Errorf("with a version erased: %+v, %v", past, err)
	}
	h.Versions[1].Opening = &Opening{}
	if _, err := w.verifyHistory(h, Asked{Label: alice}); !errors.Is(err, ErrUnasked) {
		t.Errorf("erased, with an opening: %v", err)
	}
	h.Versions[1] = Version{Rung: h.Versions[1].Rung}
	if _, err := w.verifyHistory(h, Asked{Label: alice}); !errors.Is(err, ErrErased) {
		t.Errorf("without a value, and not said to be erased: %v", err)
	}
}

func TestHistoryThatLies(t *testing.T) {
	w, seen := populated(t)
	three := uint32(3)
	for what, c := range map[string]struct {
		edit   func(h *History)
		asked  Asked
		step   Step
		reason error
	}{
		"a version hidden": {func(h *History) { *h = *w.history(alice, 2, 0) }, Asked{}, StepLadder, ladder.ErrRungs},
		"all hidden":       {func(h *History) { *h = *w.history(alice, 0, 0) }, Asked{}, StepLadder, ladder.ErrRungs},
		"one left out":     {func(h *History) { h.Versions = slices.Delete(h.Versions, 1, 2) }, Asked{}, StepLadder, ladder.ErrRungs},
		"one twice":        {func(h *History) { h.Versions[1] = h.Versions[0] }, Asked{}, StepLadder, ladder.ErrRungs},
		"one that never was, as if erased": {func(h *History) {
			*h = *w.history(alice, 3, 0)
			h.Versions, h.Beyond = append(h.Versions, NewErased(w.rung(alice, 3))), nil
			for _, v := range Beyond(4) {
				h.Beyond = append(h.Beyond, w.rung(alice, v))
			}
		}, Asked{}, StepLadder, ladder.ErrRungs},
		"another's place":                {func(h *History) { h.Versions[1].Place = w.place(w.versions[bob][0].position) }, Asked{}, StepLadder, ErrPlace},
		"the place of another entry":     {func(h *History) { h.Versions[2].Place.Position++ }, Asked{}, StepLadder, ErrPlace},
		"places that fall":               {func(h *History) { h.Versions[1].Place = h.Versions[0].Place }, Asked{}, StepLadder, ErrPlace},
		"a place beyond the log":         {func(h *History) { h.Versions[2].Place.Position = 1 << 60 }, Asked{}, StepLadder, ErrPlace},
		"a place with a short path":      {func(h *History) { p := h.Versions[0].Place; p.Path = p.Path[1:] }, Asked{}, StepLadder, ErrPlace},
		"a place with a hash of another": {func(h *History) { h.Versions[0].Place.Path[0][31] ^= 1 }, Asked{}, StepLadder, ErrPlace},
		"nothing beyond":                 {func(h *History) { h.Beyond = nil }, Asked{}, StepLadder, ladder.ErrRungs},
		"another beyond":                 {func(h *History) { h.Beyond[0] = w.rung(alice, 9) }, Asked{}, StepLadder, ladder.ErrRungs},
		"one seen is missing":            {func(*History) {}, Asked{Version: &three}, StepLadder, ErrOlder},
		"another's rung":                 {func(h *History) { h.Versions[0].Rung = w.rung(bob, 0) }, Asked{}, StepLadder, ErrVRF},
		"another's rung beyond":          {func(h *History) { h.Beyond[0] = w.rung(bob, 3) }, Asked{}, StepLadder, ErrVRF},
		"values swapped":                 {func(h *History) { h.Versions[0].Value, h.Versions[1].Value = h.Versions[1].Value, h.Versions[0].Value }, Asked{}, StepOpening, ErrCommitment},
		"another's answer":               {func(h *History) { *h = *w.history(bob, 1, 0) }, Asked{}, StepLadder, ErrVRF},
		"another log than before":        {func(h *History) { h.Consistency = nil }, Asked{Head: &seen}, StepConsistency, ErrSplit},
		"no label":                       {func(*History) {}, Asked{Label: "x"}, StepLabel, entry.ErrLabel},
	} {
		h := w.history(alice, 3, 0)
		c.edit(h)
		if c.asked.Label == "" {
			c.asked.Label = alice
		}
		_, err := w.verifyHistory(h, c.asked)
		var failed *Failed
		if !errors.As(err, &failed) || failed.Step != c.step || !errors.Is(err, c.reason) {
			t.Errorf("%s: %v, want %s: %v", what, err, c.step, c.reason)
		}
	}
}

// A log that has versions in another order than they are numbered in is told from an honest one
// by any two places.
func TestVersionsThatAreLoggedOutOfOrder(t *testing.T) {
	w := newWorld(t)
	w.publish(alice, w.person(alice, "a0", ""))
	w.publish(alice, w.person(alice, "a1", "a0"))
	w.publish(alice, w.person(alice, "a2", "a1"))
	v := w.versions[alice]
	first, last := v[0].position, v[2].position
	w.pending[first], w.pending[last] = w.pending[last], w.pending[first]
	v[0].position, v[2].position = last, first
	w.seal()
	for unplaced := range 4 { // 3: none is
		h := w.history(alice, 3, 0)
		if unplaced < 3 {
			h.Versions[unplaced].Place = nil
		}
		if _, err := w.verifyHistory(h, Asked{Label: alice}); !errors.Is(err, ErrPlace) {
			t.Errorf("without the place of version %d: %v", unplaced, err)
		}
	}
}

func TestHistoryOfKeysThatDoNotHandOver(t *testing.T) {
	w := newWorld(t)
	w.publish(alice, w.person(alice, "a0", ""))
	w.publish(alice, w.person(alice, "a1", "mallory"))
	w.seal()
	_, err := w.verifyHistory(w.history(alice, 2, 0), Asked{Label: alice})
	var failed *Failed
	if !errors.As(err, &failed) || failed.Step != StepSignatures || !errors.Is(err, value.ErrSignature) {
		t.Errorf("signed by a stranger for the old key: %v", err)
	}
}

func TestHistoryOfValuesThatTheServerDidNotSign(t *testing.T) {
	w := newWorld(t)
	policy := w.policy()
	w.server.Private = secret("mallory")
	w.publish(alice, w.person(alice, "a0", ""))
	w.seal()
	if _, err := VerifyHistory(w.history(alice, 1, 0), Asked{Label: alice}, policy, w.now); !errors.Is(err, value.ErrSignature) {
		t.Errorf("signed by another's key: %v", err)
	}
}

func TestParseHistoryRefuses(t *testing.T) {
	w, _ := populated(t)
	h := w.history(alice, 3, 0)
	h.Versions = slices.Repeat(h.Versions[:1], MaxVersions+1)
	if _, err := ParseHistory(marshal(t, h)); !errors.Is(err, ErrProof) {
		t.Errorf("%d versions: %v", len(h.Versions), err)
	}
	for _, bad := range []string{"", "null", "[]", fmt.Sprintf("%*s", MaxHistory+1, "{}")} {
		if _, err := ParseHistory([]byte(bad)); !errors.Is(err, ErrProof) {
			t.Errorf("ParseHistory(%.20q) = %v", bad, err)
		}
	}
	bad := w.history(alice, 3, 0)
	bad.Beyond[0].Map.Depth++
	if _, err := ParseHistory(marshal(t, bad)); !errors.Is(err, ErrProof) {
		t.Errorf("a rung beyond with a wrong depth: %v", err)
	}
}

func FuzzVerifyHistory(f *testing.F) {
	w, _ := populated(f)
	want := w.versions[alice]
	f.Add(marshal(f, w.history(alice, 3, 0)), uint16(0), byte(0))
	f.Add(marshal(f, w.history(alice, 2, 0)), uint16(3000), byte(1))
	f.Add(marshal(f, w.page(alice, 0, 2, 3, 0)), uint16(0), byte(0))
	f.Fuzz(func(t *testing.T, input []byte, at uint16, flip byte) {
		if len(input) > 0 {
			input = slices.Clone(input)
			input[int(at)%len(input)] ^= flip
		}
		h, err := ParseHistory(input)
		if err != nil {
			if !errors.Is(err, ErrProof) {
				t.Fatalf("ParseHistory(%q) = %v", input, err)
			}
			return
		}
		past, err := VerifyHistory(h, Asked{Label: alice}, w.policy(), w.now)
		if err != nil {
			return
		}
		if len(past.Values) > len(want) || len(past.Values) != len(want) && !past.More {
			t.Fatalf("%q: %d versions", input, len(past.Values))
		}
		for i, v := range past.Values {
			if v != nil && string(v.JSON()) != string(want[i].value) {
				t.Fatalf("%q: version %d is %s", input, i, v.JSON())
			}
		}
	})
}
