package captcha_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"signet/internal/seal"
	"signet/internal/store/storetest"
	"signet/verify/captcha"
)

func TestAPersonPassesAndTheRequestGoesThrough(t *testing.T) {
	each(t, func(w *world) {
		c := w.open(alice)
		if want := w.clock.Now().Add(10 * time.Minute); !c.Expires.Equal(want) || c.Passed || c.TriesLeft != 5 || len(c.ID) != 26 {
			w.Errorf("Open = %+v, want it open until %s", c, want)
		}
		w.spendAny(alice, false)
		w.use(spend, c.ID, alice, captcha.ErrNotPassed)
		w.pass(c.ID, w.wrong(c.ID), captcha.ErrWrong)
		if again := w.open(alice); again.ID != c.ID || again.TriesLeft != 4 || !again.Expires.Equal(c.Expires) {
			w.Errorf("the same request again opens %+v, want %+v with four tries left", again, c)
		}
		answer := w.b.Answer(c.ID)
		w.pass(c.ID, answer[:3]+" "+answer[3:], nil)
		w.pass(c.ID, answer, nil) // the first reply was lost
		w.pass(c.ID, w.wrong(c.ID), captcha.ErrWrong)
		found, err := w.b.Find(w.Context(), c.ID)
		if err != nil || !found.Passed || found.TriesLeft != 3 {
			w.Errorf("Find = %+v, %v; want it passed, with the two guesses before counted", found, err)
		}
		w.spendAny(mallet, false)
		w.spendAny(alice, true)
		w.spendAny(alice, false)
		if next := w.open(alice); next.ID == c.ID || next.Passed {
			w.Errorf("the next request is given %+v, which is used up", next)
		}
	})
}

func TestTheFifthGuessCanBeRight(t *testing.T) {
	each(t, func(w *world) {
		c := w.open(alice)
		for range 4 {
			w.pass(c.ID, w.wrong(c.ID), captcha.ErrWrong)
		}
		w.pass(c.ID, w.a.Answer(c.ID), nil)
		w.pass(c.ID, w.a.Answer(c.ID), nil)
		w.use(check, c.ID, alice, nil)
		w.use(check, c.ID, alice, captcha.ErrSpent)
		w.spendAny(alice, true)
	})
}

// A homeserver looks at a challenge for its own sign-up, and then spends it on a
// message; either may come first.
func TestAHomeserverUsesAChallengeInTwoWays(t *testing.T) {
	each(t, func(w *world) {
		for _, order := range [][2]use{{check, spend}, {spend, check}} {
			c := w.openNew(alice)
			w.use(order[0], c.ID, alice, captcha.ErrNotPassed)
			w.pass(c.ID, w.a.Answer(c.ID), nil)
			for _, u := range order {
				w.use(u, c.ID, alice, nil)
				w.use(u, c.ID, alice, captcha.ErrSpent)
			}
		}
	})
}

func TestAHomeserverOpensAChallengeForEachPerson(t *testing.T) {
	each(t, func(w *world) {
		first, second := w.openNew(alice), w.openNew(alice)
		if first.ID == second.ID || len(w.rows()) != 2 {
			w.Errorf("two people share the challenge %+v", first)
		}
	})
}

func TestAnotherSubjectCannotUseIt(t *testing.T) {
	each(t, func(w *world) {
		c := w.passed(alice)
		before := w.row()
		for _, subject := range [][]byte{mallet, {}, alice[:5], append(alice, 0)} {
			w.use(spend, c.ID, subject, captcha.ErrUnknown)
			w.use(check, c.ID, subject, captcha.ErrUnknown)
			w.spendAny(subject, false)
		}
		if after := w.row(); after.spent != before.spent || after.checked != before.checked {
			w.Errorf("others used the challenge: %+v", after)
		}
		w.use(spend, c.ID, alice, nil)
	})
}

func TestSpendAnyTakesTheOneThatWasPassedLast(t *testing.T) {
	each(t, func(w *world) {
		older := w.passed(alice)
		w.clock.Advance(time.Minute)
		newer := w.passed(alice)
		w.openNew(alice)
		w.spendAny(alice, true)
		w.use(spend, newer.ID, alice, captcha.ErrSpent)
		w.clock.Advance(9 * time.Minute)
		w.spendAny(alice, false) // the older one has expired
		w.use(spend, older.ID, alice, captcha.ErrExpired)
		w.use(check, newer.ID, alice, nil) // it was passed a minute later
	})
}

func TestLives(t *testing.T) {
	each(t, func(w *world) {
		c := w.open(alice)
		w.clock.Advance(5 * time.Minute)
		if again := w.open(alice); again.ID != c.ID {
			w.Error("a challenge with half its life before it is not given out again")
		}
		w.clock.Advance(time.Millisecond)
		if again := w.open(alice); again.ID == c.ID || again.Expires.Sub(w.clock.Now()) != 10*time.Minute {
			w.Error("a challenge with less than half its life before it is given out again")
		}
		w.clock.Advance(5*time.Minute - 2*time.Millisecond)
		w.pass(c.ID, w.a.Answer(c.ID), nil) // in its last millisecond
		w.clock.Advance(10*time.Minute - time.Millisecond)
		w.use(check, c.ID, alice, nil)
		w.clock.Advance(time.Millisecond)
		w.use(spend, c.ID, alice, captcha.ErrExpired)
		w.spendAny(alice, false)
		w.pass(c.ID, w.a.Answer(c.ID), captcha.ErrExpired)
	})
}

func TestAnExpiredChallengeIsOver(t *testing.T) {
	each(t, func(w *world) {
		c := w.open(alice)
		w.clock.Advance(10 * time.Minute)
		w.pass(c.ID, w.a.Answer(c.ID), captcha.ErrExpired)
		w.over(c.ID, captcha.ErrExpired)
		w.use(spend, c.ID, alice, captcha.ErrExpired)
		if r := w.row(); r.tries != 0 || r.readings != 0 || r.passed != 0 {
			w.Errorf("an expired challenge has changed: %+v", r)
		}
	})
}

// over says that nothing can be seen or heard of a challenge any more.
func (w *world) over(id string, want error) {
	w.Helper()
	if _, err := w.a.Find(w.Context(), id); !errors.Is(err, want) {
		w.Errorf("Find = %v, want %v", err, want)
	}
	if _, err := w.a.Image(w.Context(), id); !errors.Is(err, want) {
		w.Errorf("Image = %v, want %v", err, want)
	}
	if _, err := w.a.Audio(w.Context(), id, "en"); !errors.Is(err, want) {
		w.Errorf("Audio = %v, want %v", err, want)
	}
}

// What comes from the address bar reaches the database only if it can be an id.
func TestWhatIsNoID(t *testing.T) {
	each(t, func(w *world) {
		c := w.open(alice)
		for _, id := range []string{"", "unknown", "\x00", "\xff\xfe", strings.ToLower(c.ID), c.ID + "A", c.ID[:25], c.ID[:25] + "\x00",
			strings.Repeat("A", 26), strings.Repeat("A", 1<<20)} {
			w.pass(id, "123456", captcha.ErrUnknown)
			w.over(id, captcha.ErrUnknown)
			w.use(spend, id, alice, captcha.ErrUnknown)
			w.use(check, id, alice, captcha.ErrUnknown)
		}
	})
}

func TestARestartKeepsTheAnswers(t *testing.T) {
	each(t, func(w *world) {
		c := w.open(alice)
		restarted := replica(w.T, storetest.Open(w.T, w.url, nil), w.keyFile, w.clock.Now)
		if err := restarted.Pass(w.Context(), c.ID, w.a.Answer(c.ID)); err != nil {
			w.Errorf("Pass after a restart = %v", err)
		}
	})
}

// signature is how every PNG begins (ISO/IEC 15948, 5.2).
const signature = "\x89PNG\r\n\x1a\n"

// A stolen table tells no answer, as text, as octets, as a picture or as numbers, and
// nothing that is the same for the same answer.
func TestTheTableHoldsNoAnswer(t *testing.T) {
	each(t, func(w *world) {
		for range 20 {
			w.passed(alice)
		}
		dump := w.dump()
		for _, r := range w.rows() {
			if !strings.Contains(dump, r.id) {
				w.Fatalf("the dump lacks %s", r.id)
			}
			answer := w.a.Answer(r.id)
			octets := strings.Map(func(r rune) rune { return r - '0' }, answer)
			if strings.Contains(dump, answer) || strings.Contains(dump, octets) {
				w.Errorf("the table holds the answer %s", answer)
			}
			if image, err := w.a.Image(w.Context(), r.id); err != nil || !bytes.HasPrefix(image, []byte(signature)) {
				w.Errorf("the picture is no PNG, %v, so nothing is shown of the table", err)
			}
		}
		for _, part := range []string{signature, "IHDR", "PLTE", "IDAT", "IEND"} {
			if strings.Contains(dump, part) {
				w.Errorf("the table holds a picture in clear: %q", part)
			}
		}
	})
}

// Whoever can write to the table but has no key cannot show a picture that they can read
// in the place of one that they cannot.
func TestAPictureOpensOnlyInItsRow(t *testing.T) {
	each(t, func(w *world) {
		mine, theirs := w.openNew(mallet), w.openNew(alice)
		swap := func(image []byte) {
			if _, err := w.db.Exec(w.Context(), `UPDATE captcha_challenges SET image = $2 WHERE id = $1`, theirs.ID, image); err != nil {
				w.Fatal(err)
			}
		}
		sealed := map[string][]byte{}
		for _, r := range w.rows() {
			sealed[r.id] = r.image
		}
		clear, err := w.a.Image(w.Context(), mine.ID)
		if err != nil {
			w.Fatal(err)
		}
		for _, image := range [][]byte{sealed[mine.ID], clear, {}} {
			swap(image)
			if _, err := w.a.Image(w.Context(), theirs.ID); !errors.Is(err, seal.ErrOpen) {
				w.Errorf("Image = %v with another's picture, want %v", err, seal.ErrOpen)
			}
		}
		swap(sealed[theirs.ID])
	})
}

func TestAnotherDatabaseHasOtherAnswers(t *testing.T) {
	each(t, func(w *world) {
		db := storetest.Open(w.T, storetest.SQLite(w.T), owners)
		other := replica(w.T, db, w.keyFile, w.clock.Now)
		same := 0
		for _, id := range []string{"A", "B", "C"} {
			if other.Answer(id) == w.a.Answer(id) {
				same++
			}
		}
		if same == 3 {
			w.Error("the answers follow from the id alone")
		}
	})
}

func TestExpiredChallengesAreForgotten(t *testing.T) {
	each(t, func(w *world) {
		w.open(alice)
		w.clock.Advance(5 * time.Minute)
		w.passed(mallet)
		for _, step := range []struct {
			after time.Duration
			left  int
		}{{0, 2}, {65 * time.Minute, 2}, {time.Millisecond, 1}, {5 * time.Minute, 0}} {
			w.clock.Advance(step.after)
			if err := w.a.Sweep(w.Context()); err != nil {
				w.Fatal(err)
			}
			if got := len(w.rows()); got != step.left {
				w.Errorf("%s later %d challenges are left, want %d", step.after, got, step.left)
			}
		}
	})
}

func TestASweepForgetsMoreThanItTakesAtATime(t *testing.T) {
	each(t, func(w *world) {
		_, err := w.db.Exec(w.Context(), `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
			INSERT INTO captcha_challenges (id, subject, created_ms, expires_ms, image)
			SELECT 'old ' || i, CAST('x' AS BYTEA), i, i + 600000, CAST('x' AS BYTEA) FROM n`)
		if err != nil {
			w.Fatal(err)
		}
		c := w.open(alice)
		if err := w.a.Sweep(w.Context()); err != nil {
			w.Fatal(err)
		}
		if r := w.row(); r.id != c.ID {
			w.Errorf("%q is left, want %q", r.id, c.ID)
		}
	})
}
