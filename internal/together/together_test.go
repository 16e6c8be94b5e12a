package store

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// Twenty who come while a sync is under way share the next one, and nobody returns after a
// sync that began before them.
func TestCommitsShareASync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var syncs, returned atomic.Int32
		end := make(chan struct{}) // lets one sync end
		f := newFlusher(func() error {
			syncs.Add(1)
			<-end
			return nil
		})
		flush := func() {
			if err := f.flush(); err != nil {
				t.Error(err)
			}
			returned.Add(1)
		}
		expect := func(when string, wantSyncs, wantReturned int32) {
			t.Helper()
			synctest.Wait()
			if s, r := syncs.Load(), returned.Load(); s != wantSyncs || r != wantReturned {
				t.Errorf("%s: %d syncs began and %d commits returned, want %d and %d", when, s, r, wantSyncs, wantReturned)
			}
		}

		go flush()
		expect("one commit", 1, 0)
		for range 20 {
			go flush()
		}
		expect("twenty more during its sync", 1, 0)
		end <- struct{}{}
		expect("the first sync ended", 2, 1)
		end <- struct{}{}
		expect("the second sync ended", 2, 21)
	})
}

// A log that cannot be synced is told to everybody who waited for it, and to nobody after.
func TestAFailedSyncIsTold(t *testing.T) {
	broken := errors.New("no space")
	err := broken
	f := newFlusher(func() error { return err })
	if got := f.flush(); !errors.Is(got, broken) {
		t.Errorf("flush = %v, want %v", got, broken)
	}
	err = nil
	if got := f.flush(); got != nil {
		t.Errorf("the next flush = %v", got)
	}
}
