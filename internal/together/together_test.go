package together_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"signet/internal/together"
)

// Twenty who come while it is done share the next time, and nobody returns after a time that
// began before they came.
func TestWhoComesTogetherShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs, returned atomic.Int32
		end := make(chan struct{}) // lets one run end
		e := together.New(func() error {
			runs.Add(1)
			<-end
			return nil
		})
		come := func() {
			if err := e.Do(); err != nil {
				t.Error(err)
			}
			returned.Add(1)
		}
		expect := func(when string, wantRuns, wantReturned int32) {
			t.Helper()
			synctest.Wait()
			if s, r := runs.Load(), returned.Load(); s != wantRuns || r != wantReturned {
				t.Errorf("%s: %d runs began and %d callers returned, want %d and %d", when, s, r, wantRuns, wantReturned)
			}
		}

		go come()
		expect("one caller", 1, 0)
		for range 20 {
			go come()
		}
		expect("twenty more during the run", 1, 0)
		end <- struct{}{}
		expect("the first run ended", 2, 1)
		end <- struct{}{}
		expect("the second run ended", 2, 21)
	})
}

// A failure is told to those who waited for it, and to nobody after.
func TestAFailureIsTold(t *testing.T) {
	broken := errors.New("no space")
	err := broken
	e := together.New(func() error { return err })
	if got := e.Do(); !errors.Is(got, broken) {
		t.Errorf("Do = %v, want %v", got, broken)
	}
	err = nil
	if got := e.Do(); got != nil {
		t.Errorf("the next Do = %v", got)
	}
}

// Who waited for a time that did not end as it should does not take it for done.
func TestAPanicIsNoSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, end := make(chan struct{}, 2), make(chan struct{})
		e := together.New(func() error {
			began <- struct{}{}
			<-end
			panic("boom")
		})
		errs := make(chan error, 2)
		come := func() {
			defer func() { _ = recover() }()
			errs <- e.Do()
		}
		go come()
		<-began
		go come() // leads the next time
		synctest.Wait()
		go come() // and shares it
		synctest.Wait()
		close(end)
		if err := <-errs; err == nil {
			t.Error("a time that panicked counts as done")
		}
	})
}
