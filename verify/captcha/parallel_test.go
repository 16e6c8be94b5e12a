package captcha_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"signet/internal/store"
	"signet/verify/captcha"
)

// tally counts outcomes of things that happen at the same moment.
type tally struct {
	mu   sync.Mutex // guards seen
	seen map[error]int
}

func (w *world) atOnce(n int, do func(c *captcha.Captcha) error) map[error]int {
	w.Helper()
	t := tally{seen: map[error]int{}}
	start := make(chan struct{})
	var rivals sync.WaitGroup
	for i := range n {
		c := []*captcha.Captcha{w.a, w.b}[i%2]
		rivals.Go(func() {
			<-start
			t.add(do(c))
		})
	}
	close(start)
	rivals.Wait()
	return t.seen
}

func (t *tally) add(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen[err]++
}

func TestParallelGuessesGainNothing(t *testing.T) {
	each(t, func(w *world) {
		c := w.open(alice)
		wrong := w.wrong(c.ID)
		seen := w.atOnce(100, func(on *captcha.Captcha) error { return on.Pass(w.Context(), c.ID, wrong) })
		if seen[captcha.ErrWrong] != 5 || seen[captcha.ErrDead] != 95 {
			w.Errorf("100 wrong guesses at once = %v, want 5 wrong and 95 not looked at", seen)
		}
		if r := w.row(); r.tries != 5 || r.passed != 0 {
			w.Errorf("%d tries counted, want 5", r.tries)
		}
		w.pass(c.ID, w.a.Answer(c.ID), captcha.ErrDead)
		w.pass(c.ID, "no guess", captcha.ErrDead)
		w.over(c.ID, captcha.ErrDead)
		w.use(spend, c.ID, alice, captcha.ErrDead)
		if next := w.open(alice); next.ID == c.ID {
			w.Error("a dead challenge is given out again")
		}
	})
}

// Whoever guesses all the numbers at once is told of five at most whether they are
// right.
func TestParallelGuessesOfManyNumbers(t *testing.T) {
	each(t, func(w *world) {
		c := w.open(alice)
		right := w.a.Answer(c.ID)
		var next atomic.Int64
		seen := w.atOnce(100, func(on *captcha.Captcha) error {
			guess := []byte(right)
			n := byte(next.Add(1) - 1)
			guess[0], guess[1] = '0'+(guess[0]-'0'+n/10)%10, '0'+(guess[1]-'0'+n%10)%10
			return on.Pass(w.Context(), c.ID, string(guess))
		})
		r := w.row()
		if r.tries > 5 || seen[nil] > 1 || (seen[nil] == 1) != (r.passed != 0) {
			w.Errorf("one right guess among a hundred = %v, with %d tries counted", seen, r.tries)
		}
		if seen[nil] == 0 && (seen[captcha.ErrWrong] != 5 || seen[captcha.ErrDead] != 95) {
			w.Errorf("one right guess that came late = %v, want 5 wrong and 95 not looked at", seen)
		}
	})
}

func TestParallelRightAnswersPassOnceAndSpendOnce(t *testing.T) {
	each(t, func(w *world) {
		c := w.open(alice)
		answer := w.a.Answer(c.ID)
		if seen := w.atOnce(50, func(on *captcha.Captcha) error { return on.Pass(w.Context(), c.ID, answer) }); seen[nil] != 50 {
			w.Errorf("50 right answers at once = %v, want all of them right", seen)
		}
		if r := w.row(); r.tries != 1 {
			w.Errorf("%d of them were counted, want the one that passed", r.tries)
		}
		for _, u := range []use{spend, check} {
			seen := w.atOnce(50, func(*captcha.Captcha) error { return w.try(u, c.ID, alice) })
			if seen[nil] != 1 || seen[captcha.ErrSpent] != 49 {
				w.Errorf("50 uses at once = %v, want one", seen)
			}
		}
	})
}

func TestParallelSpendAnySpendsEachOnce(t *testing.T) {
	each(t, func(w *world) {
		for range 3 {
			w.passed(alice)
		}
		none := errors.New("none left")
		seen := w.atOnce(30, func(c *captcha.Captcha) error {
			return w.db.Tx(w.Context(), func(tx *store.Tx) error {
				_, spent, err := c.SpendAny(w.Context(), tx, alice)
				if err == nil && !spent {
					return none
				}
				return err
			})
		})
		if seen[nil] != 3 || seen[none] != 27 {
			w.Errorf("30 at once had %v, want three", seen)
		}
	})
}

func TestARequestSentTwiceAtOnceOpensOneChallenge(t *testing.T) {
	each(t, func(w *world) {
		var ids sync.Map
		seen := w.atOnce(40, func(c *captcha.Captcha) error {
			opened, err := c.Open(w.Context(), alice)
			ids.Store(opened.ID, true)
			return err
		})
		if seen[nil] != 40 {
			w.Errorf("40 at once = %v", seen)
		}
		only := w.row().id
		ids.Range(func(id, _ any) bool {
			if id != only {
				w.Errorf("somebody was given %q, which is not there", id)
			}
			return true
		})
	})
}

// Strangers are in nobody's way, though an engine that guesses at conflicts may think so.
func TestStrangersDoNotHinderEachOther(t *testing.T) {
	each(t, func(w *world) {
		var next atomic.Int64
		seen := w.atOnce(60, func(on *captcha.Captcha) error {
			subject := fmt.Append(nil, "stranger ", next.Add(1))
			c, err := on.Open(w.Context(), subject)
			if err != nil {
				return err
			}
			if err := on.Pass(w.Context(), c.ID, on.Answer(c.ID)); err != nil {
				return err
			}
			return w.try(spend, c.ID, subject)
		})
		if seen[nil] != 60 || len(w.rows()) != 60 {
			w.Errorf("60 strangers at once = %v", seen)
		}
	})
}

// What a transaction has used up comes back if it does not commit.
func TestAnUndoneTransactionSpendsNothing(t *testing.T) {
	each(t, func(w *world) {
		c := w.passed(alice)
		undo := errors.New("undo")
		err := w.db.Tx(w.Context(), func(tx *store.Tx) error {
			_, spent, err := w.a.SpendAny(w.Context(), tx, alice)
			return errors.Join(undo, err, w.a.Check(w.Context(), tx, c.ID, alice), map[bool]error{false: captcha.ErrUnknown}[spent])
		})
		if !errors.Is(err, undo) || errors.Is(err, captcha.ErrUnknown) {
			w.Fatal(err)
		}
		w.use(check, c.ID, alice, nil)
		w.use(spend, c.ID, alice, nil)
	})
}

// A refusal does not spoil what else the transaction writes.
func TestARefusalLeavesTheTransactionUsable(t *testing.T) {
	each(t, func(w *world) {
		spent, good := w.passed(alice), w.passed(alice)
		w.use(spend, spent.ID, alice, nil)
		err := w.db.Tx(w.Context(), func(tx *store.Tx) error {
			if err := w.a.Spend(w.Context(), tx, spent.ID, alice); !errors.Is(err, captcha.ErrSpent) {
				w.Errorf("Spend = %v, want %v", err, captcha.ErrSpent)
			}
			return w.a.Spend(w.Context(), tx, good.ID, alice)
		})
		if err != nil {
			w.Fatal(err)
		}
		w.use(spend, good.ID, alice, captcha.ErrSpent)
	})
}
