package userdata_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/filter"
	"signet/internal/homeserver/userdata"
	"signet/internal/matrix"
)

func (w *world) filter(user matrix.UserID, text string) string {
	w.Helper()
	id, err := w.AddFilter(w.Context(), user, jsontext.Value(text))
	if err != nil {
		w.Fatal(err)
	}
	return id
}

func TestFilters(t *testing.T) {
	each(t, func(w *world) {
		id := w.filter(alice, ` {"room": {"timeline": {"limit": 10}}, "org.example": {"b": 1, "a": [] } }`)
		if again := w.filter(alice, `{"org.example":{"a":[],"b":1},"room":{"timeline":{"limit":10}}}`); again != id || w.rows() != 1 {
			w.Errorf("the same filter again has the id %s, was %s, in %d rows", again, id, w.rows())
		}
		if other := w.filter(alice, `{}`); other == id || strings.HasPrefix(id, "{") {
			w.Errorf("ids are %s and %s", id, other)
		}
		got, err := w.Filter(w.Context(), alice, id)
		if want := `{"org.example":{"a":[],"b":1},"room":{"timeline":{"limit":10}}}`; err != nil || string(got) != want {
			w.Errorf("Filter = %s, %v; want %s", got, err, want)
		}
		if _, err := filter.Parse(got); err != nil {
			w.Errorf("what is stored does not parse: %v", err)
		}
		if _, err := w.Filter(w.Context(), bob, id); !errors.Is(err, userdata.ErrNone) {
			w.Errorf("Bob's filter of that id = %v, want %v", err, userdata.ErrNone)
		}
		if _, err := w.AddFilter(w.Context(), alice, jsontext.Value(`{"room":[]}`)); !errors.Is(err, filter.ErrFilter) {
			w.Errorf("AddFilter of none = %v, want %v", err, filter.ErrFilter)
		}
	})
}

// A user's filters have bounds together.
func TestLargeFiltersAreForgotten(t *testing.T) {
	each(t, func(w *world) {
		var last string
		for n := range 40 {
			w.clock.Advance(time.Second)
			last = w.filter(alice, fmt.Sprintf(`{"n":%d,"x":"%s"}`, n, strings.Repeat("x", 60_000)))
		}
		if n := w.count(`SELECT COUNT(*) FROM userdata_filters`); n != 17 {
			w.Errorf("%d filters of 60 KB are kept, want 17", n)
		}
		if _, err := w.Filter(w.Context(), alice, last); err != nil {
			w.Errorf("the newest: %v", err)
		}
	})
}

// A user who makes filters without end has the newest.
func TestTheOldestFiltersAreForgotten(t *testing.T) {
	each(t, func(w *world) {
		first := w.filter(bob, `{}`)
		for n := range 500 {
			_, err := w.db.Exec(w.Context(), `INSERT INTO userdata_filters (user_id, filter_id, filter, created_ms) VALUES ($1, $2, '{}', $3)`,
				string(alice), fmt.Sprint("old", n), n)
			if err != nil {
				w.Fatal(err)
			}
		}
		w.clock.Advance(time.Second)
		last := w.filter(alice, `{"event_format":"client"}`)
		if n := w.count(`SELECT COUNT(*) FROM userdata_filters WHERE user_id = '@alice:hs.test'`); n != 500 {
			w.Errorf("%d filters, want 500", n)
		}
		if _, err := w.Filter(w.Context(), alice, "old0"); !errors.Is(err, userdata.ErrNone) {
			w.Errorf("the oldest = %v, want %v", err, userdata.ErrNone)
		}
		for user, id := range map[matrix.UserID]string{alice: last, bob: first} {
			if _, err := w.Filter(w.Context(), user, id); err != nil {
				w.Errorf("%s's newest: %v", user, err)
			}
		}
	})
}
