package captcha_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"signet/internal/store"
	"signet/verify/captcha"
)

func (w *world) unspend(id string) {
	w.Helper()
	if err := w.db.Tx(w.Context(), func(tx *store.Tx) error { return w.b.Unspend(w.Context(), tx, id) }); err != nil {
		w.Errorf("Unspend = %v", err)
	}
}

// A message that a provider refused after its CAPTCHA was spent does not cost another.
func TestARefusedMessageGivesItsCaptchaBack(t *testing.T) {
	each(t, func(w *world) {
		c := w.passed(alice)
		before := w.dump()
		if id := w.spendAny(alice, true); id != c.ID {
			w.Errorf("SpendAny tells that it spent %q, want %q", id, c.ID)
		}
		w.unspend(c.ID)
		if after := w.dump(); after != before {
			w.Errorf("Unspend left\n%q\nwant\n%q", after, before)
		}
		w.spendAny(mallet, false) // it is nobody else's now
		w.use(spend, c.ID, alice, nil)
		w.use(spend, c.ID, alice, captcha.ErrSpent)
		w.unspend(c.ID)
		w.spendAny(alice, true)
	})
}

// What is given back lives no longer, and what was checked stays checked.
func TestUnspendUndoesNothingElse(t *testing.T) {
	each(t, func(w *world) {
		c := w.passed(alice)
		w.use(check, c.ID, alice, nil)
		w.unspend(c.ID) // not spent yet
		w.spendAny(alice, true)
		w.clock.Advance(10*time.Minute - time.Millisecond)
		w.unspend(c.ID)
		w.use(check, c.ID, alice, captcha.ErrSpent)
		w.use(spend, c.ID, alice, nil)
		w.clock.Advance(time.Millisecond)
		w.unspend(c.ID)
		w.use(spend, c.ID, alice, captcha.ErrExpired)
		w.spendAny(alice, false)

		open := w.openNew(mallet)
		before := w.dump()
		for _, id := range []string{open.ID, c.ID, "", "\x00", "\xff", strings.Repeat("A", 26), strings.Repeat("A", 1<<20)} {
			w.unspend(id)
		}
		if after := w.dump(); after != before {
			w.Errorf("Unspend changed\n%q\nto\n%q", before, after)
		}
	})
}

// Two challenges and sixty rivals, each of whom gives back what it got: at no moment has
// more than one a challenge, and in the end both can be spent again.
func TestParallelSpendsAndUnspends(t *testing.T) {
	each(t, func(w *world) {
		w.passed(alice)
		w.passed(alice)
		var holders atomic.Int64
		none := errors.New("none left")
		seen := w.atOnce(60, func(c *captcha.Captcha) error {
			var id string
			var spent bool
			err := c.DB.Tx(w.Context(), func(tx *store.Tx) (err error) {
				id, spent, err = c.SpendAny(w.Context(), tx, alice)
				return err
			})
			switch {
			case err != nil:
				return err
			case !spent:
				return none
			}
			if n := holders.Add(1); n > 2 {
				w.Errorf("%d hold one of two challenges", n)
			}
			holders.Add(-1)
			return c.DB.Tx(w.Context(), func(tx *store.Tx) error { return c.Unspend(w.Context(), tx, id) })
		})
		if seen[nil] < 2 || seen[nil]+seen[none] != 60 {
			w.Errorf("60 at once = %v, want two at least to have had one and none to fail", seen)
		}
		w.spendAny(alice, true)
		w.spendAny(alice, true)
		w.spendAny(alice, false)
	})
}

// However often it is given back at once, it is spent once after it.
func TestParallelUnspendsGiveOneBack(t *testing.T) {
	each(t, func(w *world) {
		c := w.passed(alice)
		w.use(spend, c.ID, alice, nil)
		seen := w.atOnce(20, func(on *captcha.Captcha) error {
			return on.DB.Tx(w.Context(), func(tx *store.Tx) error { return on.Unspend(w.Context(), tx, c.ID) })
		})
		if seen[nil] != 20 {
			w.Errorf("20 at once = %v", seen)
		}
		seen = w.atOnce(20, func(*captcha.Captcha) error { return w.try(spend, c.ID, alice) })
		if seen[nil] != 1 || seen[captcha.ErrSpent] != 19 {
			w.Errorf("20 spends after it = %v, want one", seen)
		}
	})
}

// A homeserver that learned the id of another's challenge neither uses its tries up nor
// is told whether an answer is right.
func TestAnotherSubjectCannotBurnTheTries(t *testing.T) {
	each(t, func(w *world) {
		c := w.openNew(alice)
		passFor := func(id string, subject []byte, answer string, want error) {
			w.Helper()
			if err := w.b.PassFor(w.Context(), id, subject, answer); !errors.Is(err, want) {
				w.Errorf("PassFor(%.30q, %q) = %v, want %v", id, subject, err, want)
			}
		}
		before := w.dump()
		for range 10 {
			for _, subject := range [][]byte{mallet, {}, alice[:5], append(alice, 0)} {
				passFor(c.ID, subject, w.wrong(c.ID), captcha.ErrUnknown)
				passFor(c.ID, subject, w.a.Answer(c.ID), captcha.ErrUnknown)
				passFor(c.ID, subject, "no guess", captcha.ErrUnknown)
			}
		}
		for _, id := range []string{"", "\x00", "\xff", strings.Repeat("A", 26), strings.Repeat("A", 1<<20)} {
			passFor(id, alice, "123456", captcha.ErrUnknown)
		}
		if after := w.dump(); after != before {
			w.Errorf("others changed\n%q\nto\n%q", before, after)
		}
		for range 4 {
			passFor(c.ID, alice, w.wrong(c.ID), captcha.ErrWrong)
		}
		passFor(c.ID, alice, "no guess", captcha.ErrWrong)
		passFor(c.ID, alice, w.a.Answer(c.ID), nil)
		passFor(c.ID, alice, w.a.Answer(c.ID), nil) // the first reply was lost
		passFor(c.ID, mallet, w.a.Answer(c.ID), captcha.ErrUnknown)
		w.clock.Advance(10 * time.Minute)
		passFor(c.ID, alice, w.a.Answer(c.ID), captcha.ErrExpired)
		passFor(c.ID, mallet, w.a.Answer(c.ID), captcha.ErrUnknown)

		dead := w.openNew(alice)
		for range 5 {
			passFor(dead.ID, alice, w.wrong(dead.ID), captcha.ErrWrong)
		}
		passFor(dead.ID, alice, w.a.Answer(dead.ID), captcha.ErrDead)
		passFor(dead.ID, mallet, w.a.Answer(dead.ID), captcha.ErrUnknown)
	})
}
