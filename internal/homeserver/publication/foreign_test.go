package publication_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"signet/internal/homeserver/publication"
	"signet/internal/matrix"
)

// Somebody has their own keys stand in alice's name: she is shown it within a day, it is logged
// once and counted, and this server overwrites nothing until she wishes that.
func TestSomebodyElsesKeys(t *testing.T) {
	each(t, func(w *world) {
		w.uploads(alice, 1)
		w.agrees(alice)
		w.fulfils(false)
		w.after(time.Minute)
		w.directory.usurp(t, alice)
		for range 3 {
			w.after(24 * time.Hour)
		}
		if s := w.is(alice, publication.Foreign, 1); !s.Alarm.Equal(w.clock.Now().Add(-48 * time.Hour)) {
			t.Errorf("she is shown %+v", s)
		}
		if n := strings.Count(w.log.String(), "level=ERROR"); n != 1 || len(w.directory.published) != 1 {
			t.Errorf("logged %d times, published %d times", n, len(w.directory.published))
		}
		if s, err := w.Status(t.Context()); s != (publication.Status{Alarms: 1}) || err != nil {
			t.Errorf("Status = %+v, %v", s, err)
		}
		w.agrees(alice)
		w.fulfils(false)
		if s := w.is(alice, publication.Held, 1); s.Alarm.IsZero() {
			t.Errorf("there is no alarm any more, though they still stand there: %+v", s)
		}
		w.after(24*time.Hour + time.Minute)
		w.stands(alice, 1, 2)
		if s := w.is(alice, publication.Published, 2); !s.Alarm.IsZero() {
			t.Errorf("she is shown %+v", s)
		}
	})
}

// What the user has had erased elsewhere stays so until they wish otherwise.
func TestErasedElsewhere(t *testing.T) {
	each(t, func(w *world) {
		w.uploads(alice, 1)
		w.agrees(alice)
		w.fulfils(false)
		w.after(time.Minute)
		w.directory.bury(alice)
		w.after(24 * time.Hour)
		if s := w.is(alice, publication.Erased, 1); !s.Alarm.IsZero() || len(w.directory.published) != 1 {
			t.Errorf("she is shown %+v, published %d times", s, len(w.directory.published))
		}
	})
}

// The directory promises and does nothing: that is an alarm when it is late.
func TestABrokenPromise(t *testing.T) {
	each(t, func(w *world) {
		w.uploads(alice, 1)
		w.agrees(alice)
		w.directory.forgets = true
		w.fulfils(false)
		for range 23 {
			w.after(time.Hour)
		}
		if s := w.is(alice, publication.Promised, -1); !s.Alarm.IsZero() {
			t.Errorf("she is shown %+v", s)
		}
		w.after(3 * time.Hour)
		if s := w.is(alice, publication.Promised, -1); s.Alarm.IsZero() {
			t.Errorf("she is shown %+v", s)
		}
	})
}

// Who objects has the old keys stand: that is no alarm, and is not sent again and again.
func TestObjectedTo(t *testing.T) {
	each(t, func(w *world) {
		w.uploads(alice, 1)
		w.agrees(alice)
		w.fulfils(false)
		w.uploads(alice, 2)
		w.fulfils(false)
		delete(w.directory.held, alice)
		for range 3 {
			w.after(24*time.Hour + time.Minute)
		}
		if s := w.is(alice, publication.Outdated, 0); !s.Alarm.IsZero() || len(w.directory.published) != 2 {
			t.Errorf("she is shown %+v, published %d times", s, len(w.directory.published))
		}
	})
}

// A directory that cannot prove what it says is told nothing.
func TestAnAlarmOfTheDirectory(t *testing.T) {
	each(t, func(w *world) {
		w.uploads(alice, 1)
		w.agrees(alice)
		w.directory.alarm = true
		w.fulfils(true)
		if s := w.is(alice, publication.Waiting, -1); s.Problem != "unproven" || len(w.directory.published) > 0 {
			t.Errorf("she is shown %+v, published %d times", s, len(w.directory.published))
		}
	})
}

// Keys that the directory has no place for are not sent; a user id may be too long for a label.
func TestNoPlaceForThem(t *testing.T) {
	each(t, func(w *world) {
		long := matrix.UserID("@" + strings.Repeat("a", 255-len("@:hs.test")) + ":hs.test")
		w.uploads(long, 1)
		w.agrees(long)
		w.fulfils(true)
		if s := w.is(long, publication.Waiting, -1); s.Problem != "refused" || len(w.directory.published) > 0 {
			t.Errorf("shown is %+v, published %d times", s, len(w.directory.published))
		}
	})
}

// The operator begins without a directory, takes one, and changes to another: who agrees is
// published there, and erased where they were.
func TestAnotherDirectory(t *testing.T) {
	each(t, func(w *world) {
		w.open("")
		w.uploads(alice, 1)
		w.agrees(alice)
		w.must(publication.RunEach(w.Publications, t.Context(), nil, func(err error) { t.Error(err) }))
		w.open("https://id.test")
		w.fulfils(false)
		w.stands(alice, 1, 0)
		w.after(11 * time.Minute)
		if rows := w.rows(); strings.Contains(rows, "id_server= ") || strings.Count(rows, "id_server") != 1 {
			t.Errorf("left is\n%s", rows)
		}
		clear(w.directory.standing) // nobody is known there
		w.directory.erased = nil
		w.open("https://other.test")
		w.fulfils(false)
		w.stands(alice, 1, 0)
		if !slices.Equal(w.directory.erased, []matrix.ServerName{"id.test"}) {
			t.Errorf("erased at %q", w.directory.erased)
		}
	})
}

// The directory of before is gone for good, with all who are still to be erased there: nobody who
// wishes something of the one of today waits for that.
func TestADirectoryThatIsGone(t *testing.T) {
	each(t, func(w *world) {
		w.uploads(alice, 1)
		w.agrees(alice)
		_, err := w.db.Exec(t.Context(), `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 600)
			INSERT INTO publication_wishes (user_id, id_server, agreed, wish, fulfilled, sent, version, promised_ms, held_until_ms, found, found_version, checked_ms,
				alarm_ms, problem, tries, due_ms)
			SELECT '@u' || n || ':hs.test', 'gone.test', FALSE, 2, 1, '', -1, 0, 0, 'same', 0, 0, 0, '', 0, 0 FROM numbers`)
		w.must(err)
		w.directory.gone = "gone.test"
		w.fulfils(true)
		w.stands(alice, 1, 0)
	})
}
