package notice_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/deliver"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/lookup"
)

func TestTheOwnerIsTold(t *testing.T) {
	each(t, func(s *story) {
		s.bind("shared@example.org", alice)
		m := s.want("shared@example.org now find the Matrix account @alice:example.org by it.")
		if !strings.Contains(text(m[0]), page) || !strings.Contains(text(m[0]), "id.example.org is a directory") {
			s.Errorf("it does not say where to go, or who writes:\n%s", text(m[0]))
		}
		s.bind("shared@example.org", alice)
		s.unbind("shared@example.org", bob)
		s.want() // nothing has changed
		s.bind("shared@example.org", bob)
		s.want("shared@example.org now find the Matrix account @bob:example.org by it. Before, they found @alice:example.org.")
		s.unbind("shared@example.org", bob)
		s.want("shared@example.org is not found under @bob:example.org any more.")
	})
}

// A number that was given to somebody else: whoever had it learns of that by e-mail, and
// not whose it is now.
func TestARecycledNumber(t *testing.T) {
	each(t, func(s *story) {
		for _, address := range []string{"old@example.org", "a@example.org", "b@example.org", "c@example.org", "12015550123", "12015550199"} {
			s.bind(address, alice)
		}
		s.send(s.replica)
		s.bind("12015550123", bob)
		says := " The address +1...23 was confirmed by somebody else and belongs to another Matrix account now. It is not found under @alice:example.org any more."
		for _, m := range s.want("a@example.org"+says, "b@example.org"+says, "c@example.org"+says) {
			if strings.Contains(text(m), "bob") || strings.Contains(text(m), "0123") || !strings.Contains(text(m), page) {
				s.Errorf("it tells too much, or not where to go:\n%s", text(m))
			}
		}
	})
}

// Who was found by one address alone can be reached nowhere when it is another's.
func TestAFormerHolderWithNoOtherAddress(t *testing.T) {
	each(t, func(s *story) {
		s.bind("shared@example.org", alice)
		s.bind("12015550123", alice)
		s.send(s.replica)
		s.bind("shared@example.org", bob)
		s.want("shared@example.org Before, they found @alice:example.org.")
	})
}

func TestAnOwnerWhoRefusedIsLeftAlone(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		s.send(s.replica)
		stop := s.World.Post.Last(s.T).Stop()
		s.unbind("alice@example.org", alice)
		if _, err := s.Stop(s.Context(), stop, true); err != nil { // while a notice waits
			s.Fatal(err)
		}
		s.want()
		if _, err := s.Unsilence(s.Context(), stop); err != nil {
			s.Fatal(err)
		}
		s.bind("alice@example.org", alice)
		s.want("alice@example.org now find the Matrix account @alice:example.org")
	})
}

// A mailbox that is not there is tried once a day.
func TestNoSuchMailbox(t *testing.T) {
	each(t, func(s *story) {
		s.bind("gone@example.org", alice)
		s.post.Fail(deliver.ErrNoMailbox)
		s.want()
		s.post.Fail(nil)
		s.unbind("gone@example.org", alice)
		s.want()
		if tried := len(s.post.Tried()); tried != 1 {
			s.Errorf("it was tried %d times, want once", tried)
		}
	})
}

// Who binds and unbinds an address again and again fills no mailbox, and is never kept
// from it.
func TestFlapping(t *testing.T) {
	each(t, func(s *story) {
		for range 5 {
			s.bind("alice@example.org", alice)
			s.unbind("alice@example.org", alice)
		}
		s.bind("bob@example.org", bob) // has a budget of its own
		sent := s.send(s.replica)
		if len(sent) != 6+1+1 || strings.Count(allTexts(sent), "Within a day more has changed") != 1 {
			s.Errorf("%d notices, want 6 to one with one that there were more, and 1 to the other", len(sent))
		}
		if left := s.count(`state <> 'done'`); left != 0 {
			s.Errorf("%d notices are left over, want them dropped", left)
		}
		s.Clock.Advance(day)
		s.bind("alice@example.org", alice)
		s.want("alice@example.org now find")
	})
}

// What was not sent does not count: a mail server that is down for hours does not use up
// an address's share.
func TestAnUnsentNoticeIsTriedAgain(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		s.post.Fail(deliver.ErrNotNow)
		for range 8 {
			s.want()
			s.Clock.Advance(10 * time.Minute)
		}
		s.post.Fail(nil)
		s.want("alice@example.org now find")
		s.unbind("alice@example.org", alice)
		s.post.Fail(deliver.ErrNotNow)
		s.want()
		s.post.Fail(nil)
		s.Clock.Advance(3 * day)
		s.want() // it is of no use any more
		if s.count(`state = 'dead'`) != 1 {
			s.Error("a notice of three days ago is not given up")
		}
	})
}

// The process that bound dies before it has sent anything: another sends the notice.
func TestTheNoticeOutlivesTheProcess(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		other := s.process(s.Replica(s.T, s.DB))
		if sent := s.send(other); len(sent) != 1 {
			s.Errorf("another process sent %d notices, want 1", len(sent))
		}
		s.want()
	})
}

// A process dies while it sends: when its lease has run out, another sends the notice.
func TestTheNoticeOutlivesItsSending(t *testing.T) {
	each(t, func(s *story) {
		other := s.process(s.Replica(s.T, s.DB))
		s.bind("alice@example.org", alice)
		dying, dead := make(chan struct{}), make(chan struct{})
		s.post.Delay(func() { close(dying); <-dead })
		var ended sync.WaitGroup
		ended.Go(func() { s.Outbox.AttemptDue(context.Background()) })
		<-dying
		s.post.Delay(nil)
		if sent := s.send(other); len(sent) != 0 {
			s.Errorf("%d notices are sent twice", len(sent))
		}
		s.Clock.Advance(2 * time.Minute)
		if sent := s.send(other); len(sent) != 1 {
			s.Errorf("%d notices are sent, want 1", len(sent))
		}
		s.post.Fail(errors.New("dead"))
		close(dead)
		ended.Wait()
	})
}

// A change that was undone has no notice.
func TestNoNoticeOfWhatDidNotHappen(t *testing.T) {
	each(t, func(s *story) {
		full := errors.New("no room")
		s.directory.Told = append(s.directory.Told, func(context.Context, *store.Tx, lookup.Change) error { return full })
		_, proof := s.Prove(s.T, s.address("alice@example.org"), "account @alice:example.org", "secret")
		if _, err := s.directory.Bind(s.Context(), proof, alice); !errors.Is(err, full) {
			s.Fatalf("Bind = %v, want %v", err, full)
		}
		s.want()
		if s.count(`1 = 1`) != 0 {
			s.Error("there is a notice")
		}
	})
}

// Those who are brought in from another server did nothing here that they should hear of.
func TestWhoIsBroughtInIsNotWrittenTo(t *testing.T) {
	each(t, func(s *story) {
		moved := lookup.Moved{Address: s.address("alice@example.org"), User: alice, Bound: s.Clock.Now().Add(-day)}
		if _, err := s.directory.Move(s.Context(), []lookup.Moved{moved}); err != nil {
			s.Fatal(err)
		}
		if s.count(`1 = 1`) != 0 {
			s.Error("there is a notice")
		}
	})
}

// Who erases an address is not written to any more: it is to be forgotten.
func TestAnErasureIsNotTold(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		if err := s.directory.Erase(s.Context(), s.address("alice@example.org")); err != nil {
			s.Fatal(err)
		}
		s.want()
	})
}

// Who had the address before and is erased while the notice waits is not named by it; the owner
// still learns who is found now.
func TestAnErasedFormerHolderIsNotNamed(t *testing.T) {
	each(t, func(s *story) {
		s.bind("shared@example.org", alice)
		s.send(s.replica)
		s.bind("shared@example.org", bob)
		if err := s.directory.EraseUser(s.Context(), alice); err != nil {
			s.Fatal(err)
		}
		for _, m := range s.want("shared@example.org now find the Matrix account @bob:example.org by it.") {
			if strings.Contains(text(m), "alice") || strings.Contains(text(m), "Before, they found") {
				s.Errorf("the notice says who was found before:\n%s", text(m))
			}
		}
	})
}

// A month before its end the owner is reminded, once, however many replicas sweep; at its
// end the address is not found any more, and its owner learns how that is mended.
func TestTheEndOfABinding(t *testing.T) {
	each(t, func(s *story) {
		other := s.process(s.Replica(s.T, s.DB))
		s.bind("alice@example.org", alice)
		s.send(s.replica)
		s.Clock.Advance(335*day + time.Hour)
		for range 2 {
			s.sweep(s.replica)
			s.sweep(other)
		}
		m := s.want("alice@example.org In 30 days, this e-mail address will not be found under @alice:example.org any more")
		if !strings.Contains(text(m[0]), "in the settings of your Matrix app") {
			s.Errorf("it does not say how to keep it:\n%s", text(m[0]))
		}
		s.Clock.Advance(30 * day)
		s.sweep(other)
		s.sweep(s.replica)
		s.want("alice@example.org is not found under @alice:example.org any more, because it was not confirmed again in time.")
		s.bind("alice@example.org", alice)
		s.want("alice@example.org now find")
		if r, err := s.directory.Replay(s.Context(), false); err != nil || !r.Same() {
			s.Errorf("the feed replayed: %+v, %v", r, err)
		}
	})
}

// Neither the log nor the database tells of whom a notice is.
func TestNothingTellsOfWhom(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		s.bind("second@example.org", alice)
		s.bind("alice@example.org", bob)
		dump := storetest.Dump(s.T, s.DB, "outbox_jobs")
		s.post.Fail(deliver.ErrRefused)
		s.send(s.replica)
		s.unbind("second@example.org", alice)
		s.post.Fail(errors.New("boom"))
		s.send(s.replica)
		if !strings.Contains(s.log.String(), "lookup.notice") {
			s.Error("the log says nothing of the failures")
		}
		for _, told := range []string{dump, storetest.Dump(s.T, s.DB, "outbox_jobs", "quota_buckets"), s.log.String()} {
			for _, name := range []string{"alice", "@bob", "second", "example.org"} {
				if strings.Contains(told, name) {
					s.Errorf("%q stands in\n%s", name, told)
				}
			}
		}
	})
}

// What a reminder says may not be so any more when it is sent: then it is not.
func TestAReminderThatIsOvertaken(t *testing.T) {
	for name, overtake := range map[string]func(s *story) (want []string){
		"erased": func(s *story) []string {
			if err := s.directory.Erase(s.Context(), s.address("alice@example.org")); err != nil {
				s.Fatal(err)
			}
			return nil
		},
		"taken back": func(s *story) []string {
			s.unbind("alice@example.org", alice)
			return []string{"alice@example.org is not found under @alice:example.org any more."}
		},
		"bound by another": func(s *story) []string {
			s.bind("alice@example.org", bob)
			return []string{"alice@example.org Before, they found @alice:example.org."}
		},
		"bound again": func(s *story) []string {
			s.bind("alice@example.org", alice)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(s *story) {
				s.bind("alice@example.org", alice)
				s.send(s.replica)
				s.Clock.Advance(335*day + time.Hour)
				s.sweep(s.replica)
				s.want(overtake(s)...)
			})
		})
	}
}

// Of a lost address its former holder alone is told, also where the other address, or the
// account, is gone before the notice is sent.
func TestAFormerHolderWhoIsNotThereAnyMore(t *testing.T) {
	for name, leave := range map[string]func(s *story) (want []string){
		"another's": func(s *story) []string {
			s.bind("other@example.org", "@carol:example.org")
			return []string{"other@example.org Before, they found @alice:example.org."}
		},
		"erased": func(s *story) []string {
			if err := s.directory.EraseUser(s.Context(), alice); err != nil {
				s.Fatal(err)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(s *story) {
				s.bind("12015550123", alice)
				s.bind("other@example.org", alice)
				s.send(s.replica)
				s.bind("12015550123", bob)
				s.want(leave(s)...)
			})
		})
	}
}
