package proof_test

import (
	"errors"
	"fmt"
	"testing"

	"signet/keys/ladder"
	. "signet/keys/proof"
	"signet/keys/value"
)

// longAgo is a log in which alice has so many versions, of an epoch each.
func longAgo(t testing.TB, versions int) *world {
	t.Helper()
	w := newWorld(t)
	for i := range versions {
		before := ""
		if i > 0 {
			before = fmt.Sprint("a", i-1)
		}
		w.publish(alice, w.person(alice, fmt.Sprint("a", i), before))
		w.seal()
	}
	return w
}

// page is the versions of a history from one to before another, of which there are n.
func (w *world) page(label string, from, to, n int, seen int64) *History {
	w.Helper()
	h := w.history(label, n, seen)
	h.From, h.Versions = uint32(from), h.Versions[from:to]
	if to < n {
		h.Next, h.Beyond = uint32(to), nil
	}
	return h
}

func (w *world) add(s *Pages, h *History) (Past, error) {
	w.Helper()
	parsed, err := ParseHistory(marshal(w, h))
	if err != nil {
		w.Fatal(err)
	}
	return s.Add(parsed, w.now)
}

// A history is read page by page while it and the log go on growing.
func TestPages(t *testing.T) {
	w := longAgo(t, 7)
	s := NewPages(Asked{Label: alice}, w.policy())
	for _, c := range []struct{ from, to, all int }{{0, 3, 7}, {3, 5, 7}, {5, 6, 7}, {6, 8, 8}} {
		if len(w.versions[alice]) < c.all {
			w.publish(alice, w.person(alice, "a7", "a6"))
			w.seal()
		}
		if s.Whole() || s.Asked().From != uint32(c.from) {
			t.Fatalf("before version %d: whole %t, the next page begins with %d", c.from, s.Whole(), s.Asked().From)
		}
		past, err := w.add(s, w.page(alice, c.from, c.to, c.all, s.LastSize()))
		if err != nil || len(past.Values) != c.to-c.from || past.From != uint32(c.from) || past.More != (c.to < c.all) {
			t.Fatalf("versions %d to %d: %+v, %v", c.from, c.to, past, err)
		}
	}
	past := s.Past()
	if !s.Whole() || len(past.Values) != 8 || past.From != 0 || past.Head != w.head() || past.Label.String() != alice {
		t.Fatalf("in the end: whole %t, %+v", s.Whole(), past)
	}
	for i, v := range w.versions[alice] {
		if string(past.Values[i].JSON()) != string(v.value) || past.Positions[i] != v.position {
			t.Errorf("version %d is %s at %d", i, past.Values[i].JSON(), past.Positions[i])
		}
	}
	if _, err := w.add(s, w.page(alice, 7, 8, 8, s.LastSize())); !errors.Is(err, ErrPage) {
		t.Errorf("a page after the last: %v", err)
	}
}

// What is refused leaves the pages as they were: the right one may follow.
func TestPagesThatLie(t *testing.T) {
	w := longAgo(t, 6)
	first := func() *Pages {
		s := NewPages(Asked{Label: alice}, w.policy())
		if _, err := w.add(s, w.page(alice, 0, 2, 6, 0)); err != nil {
			t.Fatal(err)
		}
		return s
	}
	seen := w.head().N
	six := uint32(6)
	for what, c := range map[string]struct {
		page func() *History
		why  error
	}{
		"a gap":                     {func() *History { return w.page(alice, 3, 5, 6, seen) }, ErrPage},
		"a page that came before":   {func() *History { return w.page(alice, 0, 2, 6, seen) }, ErrPage},
		"a page that overlaps":      {func() *History { return w.page(alice, 1, 4, 6, seen) }, ErrPage},
		"a gap to the next":         {func() *History { h := w.page(alice, 2, 4, 6, seen); h.Next = 5; return h }, ErrPage},
		"the next before its end":   {func() *History { h := w.page(alice, 2, 4, 6, seen); h.Next = 3; return h }, ErrPage},
		"nothing, and a next":       {func() *History { h := w.page(alice, 2, 2, 6, seen); h.Next = 2; return h }, ErrPage},
		"nothing, and no next":      {func() *History { return w.page(alice, 2, 2, 2, seen) }, ErrPage},
		"rungs beyond, and a next":  {func() *History { h := w.page(alice, 2, 6, 6, seen); h.Next = 6; return h }, ErrPage},
		"the rest hidden":           {func() *History { return w.page(alice, 2, 4, 4, seen) }, ladder.ErrRungs},
		"the rest hidden, no rungs": {func() *History { h := w.page(alice, 2, 4, 6, seen); h.Next = 0; return h }, ladder.ErrRungs},
		"another's number":          {func() *History { h := w.page(alice, 2, 4, 6, seen); h.Versions[0] = h.Versions[1]; return h }, ladder.ErrRungs},
		"a place of a page before": {func() *History {
			h := w.page(alice, 2, 4, 6, seen)
			h.Versions[0].Place = w.place(w.versions[alice][1].position)
			return h
		}, ErrPlace},
		"another log than the page's": {func() *History { h := w.page(alice, 2, 4, 6, seen); h.Consistency = []Hash{{1}}; return h }, ErrSplit},
	} {
		s := first()
		_, err := w.add(s, c.page())
		if !errors.Is(err, c.why) {
			t.Errorf("%s: %v, want %v", what, err, c.why)
		}
		if _, err := w.add(s, w.page(alice, 2, 6, 6, seen)); err != nil || !s.Whole() || len(s.Past().Values) != 6 {
			t.Errorf("after %s: %+v, %v", what, s.Past(), err)
		}
	}
	s := NewPages(Asked{Label: alice, Version: &six}, w.policy())
	if _, err := w.add(s, w.page(alice, 0, 2, 6, 0)); err != nil {
		t.Errorf("the first page of a label of which more was seen: %v", err)
	}
	if _, err := w.add(s, w.page(alice, 2, 6, 6, seen)); !errors.Is(err, ErrOlder) {
		t.Errorf("the last page without what was seen: %v", err)
	}
}

// The first value of a page follows on the last one of the page before.
func TestAPageThatDoesNotFollow(t *testing.T) {
	w := newWorld(t)
	w.publish(alice, w.person(alice, "a0", ""))
	w.publish(alice, w.person(alice, "a1", "mallory"))
	w.seal()
	s := NewPages(Asked{Label: alice}, w.policy())
	if _, err := w.add(s, w.page(alice, 0, 1, 2, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.add(s, w.page(alice, 1, 2, 2, s.LastSize())); !errors.Is(err, value.ErrSignature) {
		t.Errorf("signed by a stranger for the old key, on another page: %v", err)
	}
}

// A page holds by itself, too, as far as it goes: whoever asks from a version on.
func TestAPageByItself(t *testing.T) {
	w := longAgo(t, 5)
	past, err := w.verifyHistory(w.page(alice, 3, 5, 5, 0), Asked{Label: alice, From: 3})
	if err != nil || past.More || past.From != 3 || len(past.Values) != 2 {
		t.Errorf("the last page: %+v, %v", past, err)
	}
	if _, err := w.verifyHistory(w.page(alice, 3, 5, 5, 0), Asked{Label: alice}); !errors.Is(err, ErrPage) {
		t.Errorf("the last page for the whole: %v", err)
	}
}

// The longest page there is fits into what is read.
func TestTheLongestPageIsRead(t *testing.T) {
	deepest := 256*46 + 63*46 + 16<<10*2 + 2048 // the path in the map, that in the log, the value, the rest
	if MaxVersions*deepest > MaxHistory {
		t.Errorf("%d versions of %d octets are longer than %d", MaxVersions, deepest, MaxHistory)
	}
}
