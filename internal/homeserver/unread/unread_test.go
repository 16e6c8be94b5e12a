package unread_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/push"
	"signet/internal/homeserver/receipt"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/homeserver/unread"
	"signet/internal/homeserver/userdata"
	"signet/internal/matrix"
)

// What others say counts until it is read, publicly or in private, and what one says
// oneself never does, but reads what was said before.
func TestWhatIsNotRead(t *testing.T) {
	each(t, func(w *world) {
		w.expect("before anything", bob, 0, 0)
		w.say(alice, "hello")
		second := w.say(alice, "how are you, Bobby?")
		w.expect("two messages, one with a name", bob, 2, 1)
		w.expect("one's own", alice, 0, 0)
		w.expect("another's name", carol, 2, 0)
		w.reads(bob, receipt.Read, "", second)
		w.expect("read", bob, 0, 0)
		third := w.say(alice, "bob?")
		w.expect("the localpart", bob, 1, 1)
		w.reads(carol, receipt.Private, "", third)
		w.expect("read in private", carol, 0, 0)
		w.reads(carol, receipt.Read, "", second)
		w.expect("read openly, and less far", carol, 0, 0)
		w.say(bob, "yes")
		w.expect("answered", bob, 0, 0)
		w.expect("the answer", alice, 1, 0)
		w.send(alice, "m.reaction", `{}`)
		w.send(alice, "org.example.temperature", `{"celsius":21}`)
		w.send(alice, "m.room.message", `{"msgtype":"m.notice","body":"bob"}`)
		w.expect("what notifies nobody", bob, 0, 0)
		w.send(alice, "m.room.encrypted", `{"ciphertext":"x"}`)
		w.expect("something encrypted", bob, 1, 0)
	})
}

// Only who has the power for it speaks to the whole room.
func TestWhoMayNotifyTheRoom(t *testing.T) {
	each(t, func(w *world) {
		const all = `{"msgtype":"m.text","body":"all of you","m.mentions":{"room":true}}`
		w.send(carol, "m.room.message", all)
		w.expect("by carol", bob, 1, 0)
		w.send(alice, "m.room.message", all)
		w.expect("by alice", bob, 2, 1)
		w.send(alice, "m.room.message", `{"msgtype":"m.text","body":"Bobby","m.mentions":{"user_ids":["@carol:hs.test"]}}`)
		w.expect("a name of which the sender says that it is not meant", bob, 3, 1)
		w.expect("who is meant", carol, 2, 2)
	})
}

// Each thread is read for itself; a receipt for no thread reads them all.
func TestThreads(t *testing.T) {
	each(t, func(w *world) {
		root := w.say(alice, "a question")
		w.reply(alice, "m.thread", root, "one")
		two := w.reply(alice, "m.thread", root, "Bobby, two")
		w.reply(alice, "m.reference", two, "of two")
		last := w.reply(alice, "m.reference", root, "of the root")
		thread := func(n, h int) map[string]unread.Count {
			return map[string]unread.Count{root: {Notifications: n, Highlights: h}}
		}
		main := func(n int) unread.Count { return unread.Count{Notifications: n} }
		w.expectAll("all", bob, unread.Counts{Main: main(2), Threads: thread(3, 1)})
		if sum := w.counts(bob).Sum(); sum != (unread.Count{Notifications: 5, Highlights: 1}) {
			w.Errorf("together it is %v", sum)
		}
		w.reads(bob, receipt.Read, root, two)
		w.expectAll("two read", bob, unread.Counts{Main: main(2), Threads: thread(1, 0)})
		w.reads(bob, receipt.Private, receipt.Main, last)
		w.expectAll("the main timeline read", bob, unread.Counts{Threads: thread(1, 0)})
		w.reply(carol, "m.thread", root, "mine")
		w.expectAll("carol has read the thread by her answer", carol, unread.Counts{Main: main(2)})
		w.expectAll("bob has not", bob, unread.Counts{Threads: thread(2, 0)})
		end := w.say(alice, "the end")
		w.reads(bob, receipt.Read, "", end)
		w.expectAll("the room read", bob, unread.Counts{})
	})
}

// What says of itself that it is in a thread that cannot be one is in none, and what
// relates to nothing is told as it is.
func TestThreadsThatAreNone(t *testing.T) {
	each(t, func(w *world) {
		for _, to := range []string{"", "x", "$" + strings.Repeat("x", 255), strings.Repeat("x", 50_000)} {
			w.reply(alice, "m.thread", to, "no thread")
		}
		for _, relation := range []string{`7`, `[]`, `{"rel_type":7,"event_id":"$x"}`, `{"rel_type":"m.thread","event_id":{}}`, `{"rel_type":"m.annotation","event_id":"$x"}`, `{"rel_type":"m.annotation","event_id":"$\u0000"}`} {
			w.send(alice, "m.room.message", `{"body":"no relation","m.relates_to":`+relation+`}`)
		}
		w.expect("all", bob, 10, 0)
		w.reply(alice, "m.thread", "$unknown", "an unknown thread")
		w.expectAll("and one", bob, unread.Counts{Main: unread.Count{Notifications: 10}, Threads: map[string]unread.Count{"$unknown": {Notifications: 1}}})
	})
}

// What is redacted notifies nobody, whether or not it was counted before.
func TestRedactions(t *testing.T) {
	each(t, func(w *world) {
		first, second := w.say(alice, "Bobby"), w.say(alice, "hello")
		w.expect("both", bob, 2, 1)
		for _, id := range []string{first, second} {
			_, err := w.rooms.Redact(w.Context(), room.Redaction{Room: w.id, Sender: alice, EventID: id})
			w.ok(err)
		}
		w.expect("none", bob, 0, 0)
		w.expect("none, first looked at now", carol, 0, 0)
		root := w.say(alice, "a question")
		answer := w.reply(bob, "m.thread", root, "an answer")
		w.expectAll("an answer", alice, unread.Counts{Threads: map[string]unread.Count{root: {Notifications: 1}}})
		_, err := w.rooms.Redact(w.Context(), room.Redaction{Room: w.id, Sender: alice, EventID: answer})
		w.ok(err)
		w.expect("which she takes back herself", alice, 0, 0)
	})
}

// Who comes late has nothing to catch up on; who leaves, or is invited, has nothing to read.
func TestOutsiders(t *testing.T) {
	each(t, func(w *world) {
		const dan matrix.UserID = "@dan:hs.test"
		w.say(alice, "before")
		w.ok(w.rooms.Invite(w.Context(), room.Membership{Room: w.id, Sender: alice, Target: dan}))
		w.expect("invited", dan, 0, 0)
		w.join(dan)
		w.expect("just come", dan, 0, 0)
		w.say(alice, "welcome")
		w.expect("welcomed", dan, 1, 0)
		w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: w.id, Sender: dan}))
		w.say(alice, "gone")
		w.expect("left", dan, 0, 0)
		w.join(dan)
		w.expect("come back", dan, 0, 0)
		w.say(alice, "again")
		w.expect("welcomed again", dan, 1, 0)
		w.ok(w.rooms.ProfileChanged(w.Context(), dan))
		w.expect("under another name", dan, 1, 0)
	})
}

// Rules that change count for what was counted already.
func TestRulesThatChange(t *testing.T) {
	each(t, func(w *world) {
		w.say(alice, "tea")
		w.say(carol, "cake")
		w.expect("by default", bob, 2, 0)
		w.rules(bob, func(s *push.Settings) error {
			return s.Put(push.Content, push.Rule{ID: "cake", Pattern: "cake", Actions: []push.Action{{Word: "notify"}, {Tweak: "highlight"}}}, "", "")
		})
		w.expect("with a word of his", bob, 2, 1)
		w.rules(bob, func(s *push.Settings) error { return s.Put(push.Sender, push.Rule{ID: string(alice)}, "", "") })
		w.expect("without alice", bob, 1, 1)
		w.rules(bob, func(s *push.Settings) error { return s.Enable(bob, push.Override, ".m.rule.master", true) })
		w.expect("with nothing at all", bob, 0, 0)
		w.expect("which is his affair", alice, 1, 0)
		if err := w.data.ChangePushRules(w.Context(), bob, func(s *push.Settings) error { return s.Delete(push.Room, "none") }); !errors.Is(err, push.ErrNotFound) {
			w.Errorf("ChangePushRules = %v, want %v", err, push.ErrNotFound)
		}
	})
}

// Of whom somebody ignores nothing counts, until they do so no more.
func TestIgnoredUsers(t *testing.T) {
	each(t, func(w *world) {
		w.say(alice, "tea")
		w.say(carol, "Bobby!")
		w.expect("both", bob, 2, 1)
		ignore := func(users string) {
			w.Helper()
			w.ok(w.data.SetAccountData(w.Context(), userdata.Place{User: bob}, "m.ignored_user_list", jsontext.Value(`{"ignored_users":`+users+`}`)))
		}
		ignore(`{"@carol:hs.test":{}}`)
		w.expect("without carol", bob, 1, 0)
		w.say(carol, "Bobby?")
		w.expect("still", bob, 1, 0)
		ignore(`{}`)
		w.expect("with her", bob, 3, 2)
	})
}

// However much is not read, the newest thousand events count and no more.
func TestThereIsAnEndToCounting(t *testing.T) {
	each(t, func(w *world) {
		var senders sync.WaitGroup
		for n := range 8 {
			senders.Go(func() {
				for i := range 130 {
					_, err := w.rooms.Send(w.Context(), room.Sending{Room: w.id, Sender: alice, Type: "m.room.message", Content: fmt.Appendf(nil, `{"body":"%d %d"}`, n, i)})
					if err != nil {
						w.Error(err)
					}
				}
			})
		}
		senders.Wait()
		w.expect("1,040", bob, unread.MaxEvents, 0)
		w.say(alice, "one more")
		w.expect("1,041", bob, unread.MaxEvents, 0)
	})
}

// What is said after a position does not count up to it, also if it was counted already.
func TestUpToAPosition(t *testing.T) {
	each(t, func(w *world) {
		w.say(alice, "one")
		before := w.stream.Visible()
		w.say(alice, "two")
		w.expect("both", bob, 2, 0)
		r, err := w.rooms.Room(w.id)
		w.ok(err)
		for _, u := range []*unread.Unread{w.unread, unread.New(w.unread.Options)} {
			if c, err := u.Counts(w.Context(), bob, r, before); err != nil || c.Main.Notifications != 1 {
				w.Errorf("then it was %v, %v", c, err)
			}
		}
	})
}

// Whoever is woken by a receipt or a message sees what it did, whatever others do at that
// moment.
func TestNobodySeesWhatIsOver(t *testing.T) {
	each(t, func(w *world) {
		r, err := w.rooms.Room(w.id)
		w.ok(err)
		ctx, stop := context.WithCancel(w.Context())
		var readers sync.WaitGroup
		for range 4 {
			readers.Go(func() {
				for ctx.Err() == nil {
					if _, err := w.unread.Counts(ctx, bob, r, w.stream.Visible()); err != nil && ctx.Err() == nil {
						w.Error(err)
					}
				}
			})
		}
		for range 20 {
			id := w.say(alice, "hello")
			if c, err := w.unread.Counts(w.Context(), bob, r, w.stream.Visible()); err != nil || c.Main.Notifications != 1 {
				w.Errorf("said, it is %v, %v", c, err)
			}
			waiter := w.stream.Notifier().Wait(bob)
			w.reads(bob, receipt.Read, "", id)
			<-waiter.Woken()
			waiter.Stop()
			if c, err := w.unread.Counts(w.Context(), bob, r, w.stream.Visible()); err != nil || c.Main.Notifications != 0 {
				w.Errorf("read, it is %v, %v", c, err)
			}
		}
		stop()
		readers.Wait()
	})
}

// What cannot be looked up is not taken for nothing, and is looked up again.
func TestFailuresAreNotRemembered(t *testing.T) {
	each(t, func(w *world) {
		w.say(alice, "hello")
		r, err := w.rooms.Room(w.id)
		w.ok(err)
		broken := &failing{Receipts: w.receipts, err: errors.New("no disk")}
		o := w.unread.Options
		o.Receipts = broken
		u := unread.New(o)
		if _, err := u.Counts(w.Context(), bob, r, w.stream.Visible()); !errors.Is(err, broken.err) {
			w.Errorf("Counts = %v, want %v", err, broken.err)
		}
		broken.err = nil
		if c, err := u.Counts(w.Context(), bob, r, w.stream.Visible()); err != nil || c.Main.Notifications != 1 {
			w.Errorf("then it is %v, %v", c, err)
		}
	})
}

// failing is receipts on a disk that fails.
type failing struct {
	unread.Receipts
	err error
}

func (f *failing) ReadUpTo(ctx context.Context, id matrix.RoomID, user matrix.UserID) (map[string]stream.Pos, error) {
	if f.err != nil {
		return nil, f.err
	}
	return f.Receipts.ReadUpTo(ctx, id, user)
}

// What was found out for many rooms at once counts until a receipt moves, and no longer.
func TestCountsThatWerePrepared(t *testing.T) {
	each(t, func(w *world) {
		first := w.id
		var err error
		w.id, err = w.rooms.Create(t.Context(), room.Creation{Creator: alice, Preset: room.PublicChat})
		w.ok(err)
		w.join(bob)
		read := w.say(alice, "read")
		w.reads(bob, receipt.Read, "", read)
		w.say(alice, "unread")
		last := w.say(alice, "unread")
		var rooms []*room.Room
		for _, id := range []string{first, w.id} {
			r, err := w.rooms.Room(id)
			w.ok(err)
			rooms = append(rooms, r)
		}
		w.unread.Prepare(t.Context(), bob, rooms)
		w.expect("after what was read", bob, 2, 0)
		u := unread.New(w.unread.Options)
		w.receipts.Moving = u.ReceiptMoves
		u.Prepare(t.Context(), bob, rooms)
		w.unread = u
		w.reads(bob, receipt.Read, "", last)
		w.expect("read meanwhile", bob, 0, 0)
		u.Receipts = &failing{u.Receipts, errors.New("no disk")}
		u.Prepare(t.Context(), carol, rooms)
		if _, err := u.Counts(t.Context(), carol, rooms[0], w.stream.Visible()); err == nil {
			t.Error("counts without a disk")
		}
	})
}

func (f *failing) AllReadUpTo(ctx context.Context, ids []matrix.RoomID, user matrix.UserID) (map[matrix.RoomID]map[string]stream.Pos, error) {
	if f.err != nil {
		return nil, f.err
	}
	return f.Receipts.AllReadUpTo(ctx, ids, user)
}

// A cache that holds next to nothing forgets and counts again.
func TestASmallCache(t *testing.T) {
	each(t, func(w *world) {
		o := w.unread.Options
		o.CacheBytes = 1
		u := unread.New(o)
		w.say(alice, "Bobby")
		r, err := w.rooms.Room(w.id)
		w.ok(err)
		for range 3 {
			for user, highlights := range map[matrix.UserID]int{bob: 1, carol: 0} {
				if c, err := u.Counts(w.Context(), user, r, w.stream.Visible()); err != nil || c.Main != (unread.Count{Notifications: 1, Highlights: highlights}) {
					w.Errorf("%s has not read %v, %v", user, c, err)
				}
			}
		}
	})
}
