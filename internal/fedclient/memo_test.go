package fedclient

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"signet/internal/matrix"
)

// Many who need the same keys at the same moment share one fetch; one who gives up
// does not take it from the others.
func TestConcurrentCallersShareOneFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		fetches, release := 0, make(chan struct{})
		m := newMemo(w.now, keysPatience, func(ctx context.Context, name matrix.ServerName) (fetched[int], error) {
			fetches++
			select {
			case <-release:
				return fetched[int]{value: 7, life: time.Hour}, nil
			case <-ctx.Done():
				return fetched[int]{}, ctx.Err()
			}
		})
		impatient, giveUp := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		for i := range 100 {
			ctx := t.Context()
			if i == 0 {
				ctx = impatient
			}
			callers.Go(func() {
				got, err := m.get(ctx, home, anyAge)
				if ctx == impatient && !errors.Is(err, ErrUnreachable) {
					t.Errorf("who gave up got %d, %v", got, err)
				}
				if ctx != impatient && (err != nil || got != 7) {
					t.Errorf("get = %d, %v, want 7", got, err)
				}
			})
			synctest.Wait()
		}
		giveUp()
		synctest.Wait()
		close(release)
		callers.Wait()
		// Who missed the answer by a hair finds it before fetching again.
		m.refresh(t.Context(), home, anyAge)
		if fetches != 1 {
			t.Errorf("fetched %d times, want once", fetches)
		}
	})
}

// Names come from strangers: remembering them takes no more than a bounded memory.
func TestMemoIsBounded(t *testing.T) {
	w := newWorld(t)
	m := newMemo(w.now, keysPatience, func(context.Context, matrix.ServerName) (fetched[int], error) {
		return fetched[int]{life: time.Hour}, nil
	})
	for i := range memoSize + 10 {
		if _, err := m.get(t.Context(), matrix.ServerName(fmt.Sprint(i)), anyAge); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(m.known); got != memoSize {
		t.Errorf("%d entries are kept, want %d", got, memoSize)
	}
}
