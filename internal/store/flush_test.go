package store

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

// Whoever comes while a sync is under way shares the next one, and nobody returns after
// a sync that began before them.
func TestCommitsShareASync(t *testing.T) {
	began, end := make(chan struct{}, 30), make(chan struct{})
	f := &flusher{turn: make(chan struct{}, 1), sync: func() error {
		began <- struct{}{}
		<-end
		return nil
	}}
	var waiting sync.WaitGroup
	var returned atomic.Int32
	flush := func() {
		if err := f.flush(); err != nil {
			t.Error(err)
		}
		returned.Add(1)
	}
	waiting.Go(flush)
	<-began // one sync is under way
	for range 20 {
		waiting.Go(flush)
	}
	for joined := 0; joined < 1; { // the leader of the twenty waits for its turn
		f.mu.Lock()
		if f.next != nil {
			joined = 1
		}
		f.mu.Unlock()
	}
	end <- struct{}{}
	<-began
	close(end)
	waiting.Wait()
	if n := returned.Load(); n != 21 {
		t.Errorf("%d commits returned", n)
	}
	if more := len(began); more > 18 {
		t.Errorf("%d further syncs: nobody shared one", more)
	}
}

// A log that cannot be synced is told to everybody who waited for it, and to nobody after.
func TestAFailedSyncIsTold(t *testing.T) {
	broken := errors.New("no space")
	err := broken
	f := &flusher{turn: make(chan struct{}, 1), sync: func() error { return err }}
	if got := f.flush(); !errors.Is(got, broken) {
		t.Errorf("flush = %v, want %v", got, broken)
	}
	err = nil
	if got := f.flush(); got != nil {
		t.Errorf("the next flush = %v", got)
	}
}
