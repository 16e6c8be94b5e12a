package stream_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

func TestWhatIsAnsweredIsVisible(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		last := w.stream.Visible()
		for i := range 5 {
			pos := w.write(alice, fmt.Sprint(i))
			if pos <= last {
				t.Errorf("position %d comes after %d", pos, last)
			}
			if visible := w.stream.Visible(); visible < pos {
				t.Errorf("answered at %d with %d visible", pos, visible)
			}
			last = pos
		}
		if got, want := w.rows(), []string{"0", "1", "2", "3", "4"}; !slices.Equal(got, want) {
			t.Errorf("stored %q, want %q", got, want)
		}
	})
}

// An operation of several positions, as a room with its first events, leaves room for them.
func TestOperationsOfSeveralPositions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		many, err := w.lane.Add(note{alice, "eight events"}, 8)
		if err != nil {
			t.Fatal(err)
		}
		first, err := many.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if visible := w.stream.Visible(); visible != first+7 {
			t.Errorf("visible up to %d, want %d", visible, first+7)
		}
		if next := w.write(bob, "next"); next != first+8 {
			t.Errorf("the next position is %d, want %d", next, first+8)
		}
	})
}

// While one transaction is written what comes meanwhile gathers for the next one.
func TestWhatComesTogetherIsWrittenTogether(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		begun, release := make(chan struct{}), make(chan struct{})
		var once sync.Once
		w.diary.set(func(d *diary) {
			d.before = func(context.Context, int) {
				once.Do(func() { close(begun); <-release })
			}
		})
		tickets := []*stream.Ticket{w.add("first")}
		<-begun
		for i := range 100 {
			tickets = append(tickets, w.add(fmt.Sprint(i)))
		}
		close(release)
		for _, ticket := range tickets {
			if _, err := ticket.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if w.diary.writes != 2 {
			t.Errorf("written in %d transactions, want 2", w.diary.writes)
		}
	})
}

func (w *world) add(text string) *stream.Ticket {
	w.t.Helper()
	ticket, err := w.lane.Add(note{alice, text}, 1)
	if err != nil {
		w.t.Fatal(err)
	}
	return ticket
}

// What was queued behind a batch that failed may be built on it, and goes with it. Who comes
// afterwards begins anew.
func TestAFailedBatchTakesWhatIsBehindItAlong(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.write(alice, "before")
		begun, release := make(chan struct{}), make(chan struct{})
		w.diary.set(func(d *diary) {
			d.fail = errDisk
			d.before = func(context.Context, int) { close(begun); <-release }
		})
		first := w.add("lost")
		<-begun
		second := w.add("built on it")
		close(release)
		for _, ticket := range []*stream.Ticket{first, second} {
			if pos, err := ticket.Wait(t.Context()); !errors.Is(err, stream.ErrNotStored) || !errors.Is(err, errDisk) || pos != 0 {
				t.Errorf("Wait = %d, %v, want %v for %v", pos, err, stream.ErrNotStored, errDisk)
			}
		}
		if want := []note{{alice, "lost"}, {alice, "built on it"}}; !slices.Equal(w.diary.abandoned, want) {
			t.Errorf("abandoned %v, want %v", w.diary.abandoned, want)
		}
		w.diary.set(func(d *diary) { d.fail, d.before = nil, nil })
		w.write(alice, "after")
		if got, want := w.rows(), []string{"before", "after"}; !slices.Equal(got, want) {
			t.Errorf("stored %q, want %q", got, want)
		}
	})
}

// A full disk shows itself only when the transaction commits.
func TestACommitThatFails(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		storetest.FailCommits(t, w.db, "stream_position")
		visible := w.stream.Visible()
		if _, err := w.lane.Do(t.Context(), note{alice, "lost"}); !errors.Is(err, stream.ErrNotStored) {
			t.Errorf("Do = %v, want %v", err, stream.ErrNotStored)
		}
		if got := w.stream.Visible(); got != visible {
			t.Errorf("visible rose from %d to %d", visible, got)
		}
	})
}

// Nothing can be added to what is being taken back.
func TestNothingIsAddedWhileOthersAreTakenBack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var during error
		taken := &takenBack{abandon: func() { _, during = w.lane.Add(note{alice, "too soon"}, 1) }}
		lane := stream.NewLane(w.stream, taken)
		if _, err := lane.Do(t.Context(), "lost"); !errors.Is(err, errDisk) {
			t.Fatalf("Do = %v, want %v", err, errDisk)
		}
		if !errors.Is(during, stream.ErrNotStored) {
			t.Errorf("Add = %v, want %v", during, stream.ErrNotStored)
		}
		w.write(alice, "after")
	})
}

// takenBack is a Writer whose operations all fail.
type takenBack struct{ abandon func() }

func (takenBack) Write(context.Context, *store.Tx, []stream.Placed[string]) error { return errDisk }
func (takenBack) Publish([]stream.Placed[string], func(matrix.UserID))            {}
func (w takenBack) Abandon([]string)                                              { w.abandon() }

// A second process that is started by mistake, or in the place of the first, writes; the first
// one notices before it writes anything more.
func TestAProcessThatWasReplacedWritesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.write(alice, "old process")
		successor := open(t, w.db)
		successor.run()
		if _, err := w.lane.Do(t.Context(), note{alice, "too late"}); !errors.Is(err, stream.ErrReplaced) {
			t.Errorf("Do = %v, want %v", err, stream.ErrReplaced)
		}
		if err := <-w.ended; !errors.Is(err, stream.ErrReplaced) {
			t.Errorf("Run = %v, want %v", err, stream.ErrReplaced)
		}
		w.ended <- nil
		if _, err := w.lane.Add(note{alice, "later"}, 1); !errors.Is(err, stream.ErrStopped) {
			t.Errorf("Add = %v, want %v", err, stream.ErrStopped)
		}
		old := w.stream.Visible()
		if pos := successor.write(bob, "new process"); pos <= old {
			t.Errorf("the successor wrote at %d, though %d was given out before", pos, old)
		}
		w.diary.published = append(w.diary.published, successor.diary.published...)
		w.stream = successor.stream
	})
}

// No position comes twice: a client may hold a token of any that was given out.
func TestPositionsGoOnAfterACrash(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		last := w.write(alice, "before")
		for range 3 { // nothing is closed, as by kill -9
			next := open(t, w.db)
			if v := next.stream.Visible(); v < last {
				t.Fatalf("visible fell from %d to %d", last, v)
			}
			next.run()
			pos := next.write(alice, "after")
			if pos <= last {
				t.Fatalf("position %d comes after %d", pos, last)
			}
			last = pos
			w.diary.published = append(w.diary.published, next.diary.published...)
			w.stream = next.stream
		}
	})
}

// More positions than are set aside at a time.
func TestPositionsAreReservedAnew(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ticket, err := w.lane.Add(note{alice, "huge"}, 25_000)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ticket.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if next := open(t, w.db).stream.Visible(); next < w.stream.Visible() {
			t.Errorf("after a restart %d is visible, before it was %d", next, w.stream.Visible())
		}
	})
}

func TestStoppingWritesWhatIsQueued(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		release := make(chan struct{})
		w.diary.set(func(d *diary) { d.before = func(context.Context, int) { <-release } })
		var tickets []*stream.Ticket
		for i := range 10 {
			tickets = append(tickets, w.add(fmt.Sprint(i)))
		}
		w.stop()
		close(release)
		for _, ticket := range tickets {
			if _, err := ticket.Wait(t.Context()); err != nil {
				t.Error(err)
			}
		}
		err := <-w.ended
		if w.ended <- nil; err != nil {
			t.Errorf("Run = %v", err)
		}
		if _, err := w.lane.Add(note{alice, "late"}, 1); !errors.Is(err, stream.ErrStopped) {
			t.Errorf("Add = %v, want %v", err, stream.ErrStopped)
		}
	})
}

// Who goes away does not take along what they have asked for.
func TestACallerWhoLeavesChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		gone, leave := context.WithCancel(t.Context())
		leave()
		ticket := w.add("said")
		if _, err := ticket.Wait(gone); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("Wait = %v", err)
		}
		if _, err := ticket.Wait(t.Context()); err != nil {
			t.Errorf("Wait = %v", err)
		}
	})
}

// Nor do they take along what others have asked for in the same moment, and what they have
// asked for is stored.
func TestACallerWhoLeavesUndoesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		begun, release := make(chan struct{}), make(chan struct{})
		var once sync.Once
		w.diary.set(func(d *diary) {
			d.before = func(context.Context, int) { once.Do(func() { close(begun); <-release }) }
		})
		first := w.add("first")
		<-begun
		gone, leave := context.WithCancel(t.Context())
		at, left := make(chan stream.Pos, 2), make(chan error)
		go func() {
			_, err := w.stream.Commit(gone, nil, func(tx *store.Tx, pos stream.Pos) error {
				at <- pos
				_, err := tx.Exec(gone, `INSERT INTO diary (pos, author, text) VALUES ($1, $2, $3)`, int64(pos), string(bob), "tag")
				return err
			})
			left <- err
		}()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Fatalf("Commit = %v, want %v", err, context.Canceled)
		}
		last := w.add("last")
		close(release)
		for _, ticket := range []*stream.Ticket{first, last} {
			if _, err := ticket.Wait(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if got := w.rows(); !slices.Contains(got, "tag") {
			t.Errorf("stored %q, without what the caller who left has asked for", got)
		}
		published := stream.Placed[note]{Pos: <-at, Op: note{bob, "tag"}}
		w.diary.set(func(d *diary) { d.published = slices.Insert(d.published, 1, published) })
	})
}

var errTaken = errors.New("taken")

// A function that decides against itself takes nobody else along.
func TestARefusalLeavesItsBatchAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		begun, release := make(chan struct{}), make(chan struct{})
		var once sync.Once
		w.diary.set(func(d *diary) {
			d.before = func(context.Context, int) { once.Do(func() { close(begun); <-release }) }
		})
		first := w.add("first")
		<-begun
		refused := make(chan error)
		go func() {
			_, err := w.stream.Commit(t.Context(), nil, func(*store.Tx, stream.Pos) error { return stream.Refuse(errTaken) })
			refused <- err
		}()
		second := w.add("second")
		close(release)
		if err := <-refused; err != errTaken {
			t.Errorf("Commit = %v, want %v", err, errTaken)
		}
		for _, ticket := range []*stream.Ticket{first, second} {
			if _, err := ticket.Wait(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}

// What a batch takes along that fails once is stored with the next one, whoever's fault it
// was; what fails twice is not.
func TestCommitIsTriedTwice(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for failures, want := range map[int]error{1: nil, 2: stream.ErrNotStored} {
			tries := 0
			_, err := w.stream.Commit(t.Context(), nil, func(*store.Tx, stream.Pos) error {
				if tries++; tries <= failures {
					return errDisk
				}
				return nil
			})
			if !errors.Is(err, want) || tries != 2 {
				t.Errorf("with %d failures Commit = %v after %d tries, want %v after 2", failures, err, tries, want)
			}
		}
	})
}

func TestCommitStoresAndWakes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		waiter := w.stream.Notifier().Wait(bob)
		defer waiter.Stop()
		pos, err := w.stream.Commit(t.Context(), []matrix.UserID{bob}, func(tx *store.Tx, pos stream.Pos) error {
			_, err := tx.Exec(t.Context(), `INSERT INTO diary (pos, author, text) VALUES ($1, $2, $3)`, int64(pos), string(bob), "tag")
			return err
		})
		if err != nil || pos > w.stream.Visible() {
			t.Errorf("Commit = %d, %v with %d visible", pos, err, w.stream.Visible())
		}
		<-waiter.Woken()
		w.diary.published = append(w.diary.published, stream.Placed[note]{Pos: pos, Op: note{bob, "tag"}})
	})
}

// Eight who write at the same time while every fifth batch fails: what was acknowledged is
// stored, in each one's order, and nothing else is.
func TestManyWritersAndABadDisk(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		writes := 0
		failing := &flaky{diary: w.diary, fails: func() bool { writes++; return writes%5 == 0 }}
		lane := stream.NewLane(w.stream, failing)
		var acknowledged sync.Map
		var all sync.WaitGroup
		for who := range 8 {
			all.Go(func() {
				for i := range 50 {
					text := fmt.Sprintf("%d/%02d", who, i)
					if _, err := lane.Do(t.Context(), note{alice, text}); err == nil {
						acknowledged.Store(text, true)
					} else if !errors.Is(err, stream.ErrNotStored) {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		stored := w.rows()
		for _, text := range stored {
			if _, said := acknowledged.LoadAndDelete(text); !said {
				t.Errorf("%s is stored, and was refused", text)
			}
		}
		acknowledged.Range(func(text, _ any) bool { t.Errorf("%s was acknowledged, and is not stored", text); return true })
		if len(stored) == 0 || len(stored) == 400 {
			t.Errorf("%d of 400 were stored: nothing was tested", len(stored))
		}
	})
}

// flaky is a diary whose disk is bad.
type flaky struct {
	*diary
	fails func() bool
}

func (f *flaky) Write(ctx context.Context, tx *store.Tx, ops []stream.Placed[note]) error {
	if err := f.diary.Write(ctx, tx, ops); err != nil {
		return err
	}
	if f.fails() {
		return errDisk
	}
	return nil
}

// passing is a Publisher, of what is not stored.
type passing struct{ published []stream.Pos }

func (p *passing) Publish(ops []stream.Placed[string], wake func(matrix.UserID)) {
	for _, op := range ops {
		p.published = append(p.published, op.Pos)
		wake(alice)
	}
}

// What passes has positions like everything else and wakes people, and no disk is written
// for it; a batch of both is stored for the sake of the other.
func TestWhatPassesIsNotStored(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		typing := &passing{}
		lane := stream.NewPassingLane(w.stream, typing)
		storetest.FailCommits(t, w.db, "stream_position")
		waiter := w.stream.Notifier().Wait(alice)
		defer waiter.Stop()
		pos, err := lane.Do(t.Context(), "typing")
		if err != nil || pos != w.stream.Visible() {
			t.Errorf("Do = %d, %v with %d visible", pos, err, w.stream.Visible())
		}
		<-waiter.Woken()
		if _, err := w.lane.Do(t.Context(), note{alice, "lost"}); !errors.Is(err, stream.ErrNotStored) {
			t.Errorf("a note was stored: %v", err)
		}
		if again, err := lane.Do(t.Context(), "typing"); err != nil || again <= pos {
			t.Errorf("after a failed batch Do = %d, %v, before it %d", again, err, pos)
		}
		if len(typing.published) != 2 {
			t.Errorf("published %v", typing.published)
		}
	})
}

// Positions that passed without being stored are not given out after a crash.
func TestWhatPassedLeavesItsPositions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		lane := stream.NewPassingLane(w.stream, &passing{})
		ticket, err := lane.Add("typing", 9_000)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ticket.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if next := open(t, w.db).stream.Visible(); next < w.stream.Visible() {
			t.Errorf("after a restart %d is visible, before it was %d", next, w.stream.Visible())
		}
	})
}
