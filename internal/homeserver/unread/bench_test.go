package unread_test

import (
	"testing"

	"signet/internal/homeserver/unread"
	"signet/internal/store/storetest"
)

// BenchmarkCounts counts a room of which 20 messages are not read: anew, and after one
// more message.
func BenchmarkCounts(b *testing.B) {
	w := open(b, storetest.Open(b, storetest.SQLite(b), []string{"stream", "room", "receipt", "userdata"}))
	for range 20 {
		w.say(alice, "an unread message of some length, as they are")
	}
	r, err := w.rooms.Room(w.id)
	w.ok(err)
	b.Run("anew", func(b *testing.B) {
		for b.Loop() {
			if _, err := unread.New(w.unread.Options).Counts(b.Context(), bob, r, w.stream.Visible()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("again", func(b *testing.B) {
		for b.Loop() {
			if _, err := w.unread.Counts(b.Context(), bob, r, w.stream.Visible()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
