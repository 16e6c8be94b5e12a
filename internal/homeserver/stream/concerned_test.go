package stream_test

import (
	"fmt"
	"testing"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// Who looks only where Concerned has risen misses nothing: not what was stored before a
// start, nor of users who were forgotten, nor what is refused.
func TestConcerned(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		began := w.stream.Visible()
		commit := func(users ...matrix.UserID) stream.Pos {
			t.Helper()
			pos, err := w.stream.Commit(t.Context(), users, func(*store.Tx, stream.Pos) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			return pos
		}
		want := func(what string, user matrix.UserID, pos stream.Pos) {
			t.Helper()
			if got := w.stream.Concerned(user); got != pos {
				t.Errorf("%s: %s was concerned at %d, want %d", what, user, got, pos)
			}
		}
		want("at the start", alice, began)
		first := commit(alice)
		want("one operation", alice, first)
		want("one operation", bob, began)
		refused := func(*store.Tx, stream.Pos) error { return stream.Refuse(errDisk) }
		if _, err := w.stream.Commit(t.Context(), []matrix.UserID{alice}, refused); err == nil {
			t.Error("nothing was refused")
		}
		want("one refused", alice, first)
		var many []matrix.UserID
		for i := range 20_001 {
			many = append(many, matrix.UserID(fmt.Sprintf("@u%d:example.org", i)))
		}
		crowd := commit(many...)
		want("among many", alice, first)
		last := commit(bob)
		want("after many", bob, last)
		if got := w.stream.Concerned(alice); got < first {
			t.Errorf("alice, who is forgotten, was concerned at %d, want %d or later", got, first)
		}
		if got := w.stream.Concerned(many[0]); got < crowd {
			t.Errorf("one of many was concerned at %d, want %d or later", got, crowd)
		}
	})
}
