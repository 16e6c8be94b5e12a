package notice_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/lookup/notice"
	"signet/lookup/notice/words"
	"signet/verify/verifytest"
)

// directoryOfKeys is one in which keys were erased, or wait until a time.
type directoryOfKeys struct {
	forgotten bool
	until     time.Time
}

func (d *directoryOfKeys) Forgotten(context.Context, string, uint32) (bool, error) {
	return d.forgotten, nil
}

func (d *directoryOfKeys) WaitsUntil(context.Context, string, uint32) (time.Time, error) {
	return d.until, nil
}

// keysOf tells of what happens to the keys of an address, or of a user id.
func (s *story) keysOf(kind words.Kind, of string, user matrix.UserID) {
	s.Helper()
	c := notice.KeysChange{Kind: kind, Version: 1, User: user, Until: s.Clock.Now().Add(day)}
	if d, is := s.notices.Keys.(*directoryOfKeys); is && kind.Waits() {
		d.until = c.Until
	}
	if c.Label = "mxid:" + of; !strings.HasPrefix(of, "@") {
		c.Address = s.address(of)
		c.Label = string(c.Address.Medium()) + ":" + of
	}
	err := s.DB.Tx(s.Context(), func(tx *store.Tx) error { return s.notices.ToldOfKeys(s.Context(), tx, c) })
	if err != nil {
		s.Fatal(err)
	}
}

func (s *story) withKeys() *directoryOfKeys {
	d := &directoryOfKeys{}
	s.notices.Keys = d
	return d
}

func TestTheOwnerIsToldOfKeys(t *testing.T) {
	each(t, func(s *story) {
		s.withKeys()
		for kind, says := range map[words.Kind]string{
			words.Published: "Keys were published for alice@example.org",
			words.Rotated:   "The old key has signed the change.",
			words.Revoked:   "were revoked",
			words.Recovered: "that the old key has not signed",
			words.Objected:  "There was an objection",
			words.Erased:    "were erased",
			words.Returned:  "after those before had been revoked or erased",
		} {
			s.Clock.Advance(day / 6)
			s.keysOf(kind, "alice@example.org", alice)
			s.want("alice@example.org " + says)
		}
	})
}

// That keys were erased is told although they were, and so overtakes notices of them.
func TestTheOwnerIsToldOfAnErasure(t *testing.T) {
	each(t, func(s *story) {
		s.withKeys().forgotten = true
		s.keysOf(words.Published, "alice@example.org", alice)
		s.keysOf(words.Erased, "alice@example.org", alice)
		s.want("alice@example.org The keys published for alice@example.org were erased. New ones will be held")
	})
}

// Whoever has taken over the mailbox reads what comes to it, and the owner elsewhere; both
// learn until when the keys wait and how to object.
func TestARecoveryIsToldElsewhereToo(t *testing.T) {
	each(t, func(s *story) {
		s.withKeys()
		for _, address := range []string{"a@example.org", "b@example.org", "c@example.org", "alice@example.org", "12015550123"} {
			s.bind(address, alice)
		}
		s.send(s.replica)
		s.keysOf(words.Recovering, "alice@example.org", alice)
		until := s.Clock.Now().Add(day).UTC().Format("2006-01-02 15:04 MST")
		says := " published for a...@e..., and the old key has not signed them. They are held until " + until
		sent := s.want("a@example.org"+says, "alice@example.org published for alice@example.org, ", "b@example.org"+says, "c@example.org"+says)
		for _, m := range sent {
			if !strings.Contains(text(m), "on a device that still has the old key, or on this page") || !strings.Contains(text(m), page) {
				s.Errorf("it does not say how to object:\n%s", text(m))
			}
			if m.To.String() != "alice@example.org" && strings.Contains(text(m), "alice") {
				s.Errorf("another address learns too much:\n%s", text(m))
			}
		}
		s.keysOf(words.Recovering, "nobody@example.org", "")
		s.want("nobody@example.org They are held until")
		s.keysOf(words.Recovering, "a@example.org", "") // which name nobody
		s.want("a@example.org published for a@example.org, ", "alice@example.org published for ...@e..., ", "b@example.org", "c@example.org")
	})
}

// A number is told by text message, where those are on, and its user by e-mail all the same.
func TestTheKeysOfANumber(t *testing.T) {
	each(t, func(s *story) {
		s.withKeys()
		s.bind("alice@example.org", alice)
		s.send(s.replica)
		s.keysOf(words.Recovering, "12015550123", alice)
		s.want("alice@example.org published for +1...23, ")
		s.texting()
		until := s.Clock.Now().Add(day).UTC().Format("2006-01-02 15:04 MST")
		s.keysOf(words.Recovering, "12015550123", "")
		s.want("12015550123 New keys for this number count from " + until + " unless you object.\nNot you? " + page)
		s.keysOf(words.Revoked, "12015550123", "")
		s.want("12015550123 The keys published for this number were revoked.")
	})
}

// Nobody can write to a user id, but to the addresses that the user is found by.
func TestTheKeysOfAUserID(t *testing.T) {
	each(t, func(s *story) {
		s.withKeys()
		s.keysOf(words.Published, alice.String(), alice)
		s.want()
		s.bind("alice@example.org", alice)
		s.bind("bob@example.org", bob)
		s.send(s.replica)
		s.keysOf(words.Recovering, alice.String(), alice)
		m := s.want("alice@example.org published for @alice:example.org, ")
		if !strings.Contains(text(m[0]), "change your password") || strings.Contains(text(m[0]), page) {
			s.Errorf("it does not say what helps:\n%s", text(m[0]))
		}
	})
}

// What a notice says may not be so any more when it is sent.
func TestANoticeOfKeysThatIsOvertaken(t *testing.T) {
	for name, c := range map[string]struct {
		kind     words.Kind
		overtake func(s *story, d *directoryOfKeys)
		want     []string
	}{
		"erased":             {words.Published, func(_ *story, d *directoryOfKeys) { d.forgotten = true }, nil},
		"erased, as it was":  {words.Recovering, func(_ *story, d *directoryOfKeys) { d.until = time.Time{} }, nil},
		"another's address":  {words.Recovering, func(s *story, _ *directoryOfKeys) { s.unbind("other@example.org", alice) }, []string{"alice@example.org held until", "other@example.org is not found"}},
		"no directory of it": {words.Rotated, func(s *story, _ *directoryOfKeys) { s.notices.Keys = nil }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(s *story) {
				s.bind("other@example.org", alice)
				s.send(s.replica)
				d := s.withKeys()
				s.keysOf(c.kind, "alice@example.org", alice)
				c.overtake(s, d)
				s.want(c.want...)
			})
		})
	}
}

// Whoever fills an address's share with other notices does not keep that of a recovery away, and the
// owner is told that there was more.
func TestNoFloodHidesARecovery(t *testing.T) {
	each(t, func(s *story) {
		s.withKeys()
		for range 10 {
			s.keysOf(words.Rotated, "alice@example.org", "")
		}
		s.keysOf(words.Recovering, "alice@example.org", "")
		sent := s.send(s.replica)
		if len(sent) != 6+1+1 {
			s.Errorf("%d notices, want 6, that there is more, and that of the recovery", len(sent))
		}
		for says, want := range map[string]int{"They are held until": 1, "Within a day more has changed": 1, "were replaced by new ones": 6} {
			if n := strings.Count(allTexts(sent), says); n != want {
				s.Errorf("%d notices say %q, want %d", n, says, want)
			}
		}
	})
}

// However many recoveries there are in a day, the owner learns of the one that waits, well before
// its time: of those that follow each other soon by one notice.
func TestTheSeventhRecoveryIsTold(t *testing.T) {
	each(t, func(s *story) {
		d := s.withKeys()
		recover := func() string {
			s.Clock.Advance(time.Second)
			s.keysOf(words.Recovering, "alice@example.org", "")
			return d.until.UTC().Format("2006-01-02 15:04 MST")
		}
		for range 6 {
			recover()
			s.want("alice@example.org They are held until")
		}
		for range 3 {
			s.Clock.Advance(time.Minute)
			recover()
			s.want()
		}
		until := d.until
		s.Clock.Advance(4 * time.Hour)
		s.want("alice@example.org They are held until " + until.UTC().Format("2006-01-02 15:04 MST"))
		s.Clock.Advance(12 * time.Hour)
		s.want()
	})
}

// Where waiting for room would take more than half of the time that is left, nobody waits.
func TestARecoveryThatEndsSoonIsToldAtOnce(t *testing.T) {
	each(t, func(s *story) {
		d := s.withKeys()
		for i := range 9 {
			s.Clock.Advance(time.Second)
			c := notice.KeysChange{Kind: words.Returning, Label: "email:alice@example.org", Address: s.address("alice@example.org"), Version: 1, Until: s.Clock.Now().Add(time.Hour)}
			d.until = c.Until
			if err := s.DB.Tx(s.Context(), func(tx *store.Tx) error { return s.notices.ToldOfKeys(s.Context(), tx, c) }); err != nil {
				s.Fatal(err)
			}
			if sent := s.send(s.replica); len(sent) != 1 {
				s.Errorf("recovery %d: %d notices", i, len(sent))
			}
		}
	})
}

// A thief of a mailbox who revokes or erases is told of elsewhere; the owner of the key is not.
func TestARevocationIsToldElsewhereToo(t *testing.T) {
	each(t, func(s *story) {
		s.withKeys()
		s.bind("other@example.org", alice)
		s.send(s.replica)
		told := func(kind words.Kind, byKey bool) {
			c := notice.KeysChange{Kind: kind, Label: "email:alice@example.org", Address: s.address("alice@example.org"), Version: 1, User: alice, ByKey: byKey}
			if err := s.DB.Tx(s.Context(), func(tx *store.Tx) error { return s.notices.ToldOfKeys(s.Context(), tx, c) }); err != nil {
				s.Fatal(err)
			}
		}
		told(words.Revoked, false)
		s.want("alice@example.org published for alice@example.org were revoked", "other@example.org published for a...@e... were revoked")
		told(words.Erased, false)
		s.want("alice@example.org published for alice@example.org were erased", "other@example.org published for a...@e... were erased")
		told(words.Revoked, true)
		s.want("alice@example.org were revoked")
		told(words.Rotated, false)
		s.want("alice@example.org were replaced")
	})
}

// Of keys that come where none are, nobody is sent to a device with an old key.
func TestNoOldKeyIsSpokenOfWhereThereIsNone(t *testing.T) {
	each(t, func(s *story) {
		s.withKeys()
		s.bind("other@example.org", alice)
		s.send(s.replica)
		s.keysOf(words.Returning, "alice@example.org", alice)
		for _, m := range s.want("alice@example.org there is no old key that could sign these or object", "other@example.org New keys were sent in for a...@e...") {
			if strings.Contains(text(m), "device") || !strings.Contains(text(m), "object before then on this page") {
				s.Errorf("it does not say how to object:\n%s", text(m))
			}
		}
		s.keysOf(words.Returning, alice.String(), alice)
		if m := s.want("other@example.org New keys were sent in for @alice:example.org"); !strings.Contains(text(m[0]), "by publishing keys of your own") {
			s.Errorf("it does not say how to object:\n%s", text(m[0]))
		}
	})
}

func allTexts(sent []verifytest.Message) (all string) {
	for _, m := range sent {
		all += text(m)
	}
	return all
}

// An owner who wants no messages gets none of these, and a change that was undone has none.
func TestNoNoticeOfKeys(t *testing.T) {
	each(t, func(s *story) {
		s.withKeys()
		s.bind("alice@example.org", alice)
		s.send(s.replica)
		if _, err := s.Stop(s.Context(), s.World.Post.Last(s.T).Stop(), true); err != nil {
			s.Fatal(err)
		}
		s.keysOf(words.Recovering, "alice@example.org", "")
		s.want()
		undone := errors.New("undone")
		err := s.DB.Tx(s.Context(), func(tx *store.Tx) error {
			return errors.Join(s.notices.ToldOfKeys(s.Context(), tx, notice.KeysChange{Kind: words.Published, Label: "email:bob@example.org", Address: s.address("bob@example.org")}), undone)
		})
		if !errors.Is(err, undone) {
			s.Fatal(err)
		}
		s.want()
	})
}

func TestNothingTellsOfWhoseKeys(t *testing.T) {
	each(t, func(s *story) {
		s.withKeys()
		s.bind("second@example.org", alice)
		s.keysOf(words.Recovering, "alice@example.org", alice)
		dump := storetest.Dump(s.T, s.DB, "outbox_jobs")
		s.post.Fail(errors.New("boom"))
		s.send(s.replica)
		s.Clock.Advance(time.Hour)
		for _, told := range []string{dump, storetest.Dump(s.T, s.DB, "outbox_jobs", "quota_buckets"), s.log.String()} {
			for _, name := range []string{"alice", "second", "example.org"} {
				if strings.Contains(told, name) {
					s.Errorf("%q stands in\n%s", name, told)
				}
			}
		}
	})
}
