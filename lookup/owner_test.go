package lookup_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/internal/threepid"
	"signet/lookup"
	"signet/verify"
)

// owner is the proof of whoever holds an address, for the owner's page.
func (s *story) owner(a threepid.Address) verify.Proof {
	s.Helper()
	s.Clock.Advance(time.Second)
	secret := fmt.Sprint("owner", s.Clock.Now().UnixMilli())
	sid, err := s.Request(s.Context(), verify.Request{Address: a, ClientSecret: secret, Caller: verify.Page, Purpose: verify.Manage, SendAttempt: 1})
	if err != nil {
		s.Fatal(err)
	}
	c := verify.Credentials{SID: sid, ClientSecret: secret}
	if err := s.Submit(s.Context(), c, verify.Page, s.Post.Last(s.T).Code()); err != nil {
		s.Fatal(err)
	}
	p, err := s.ProveOwner(s.Context(), c)
	if err != nil {
		s.Fatal(err)
	}
	return p
}

func (s *story) number(digits string) threepid.Address {
	s.Helper()
	a, err := threepid.Parse("msisdn", digits)
	if err != nil {
		s.Fatal(err)
	}
	return a
}

// text is a document as it is downloaded.
func (s *story) text(d lookup.Document, err error) string {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
	b, err := json.Marshal(d)
	if err != nil {
		s.Fatal(err)
	}
	return string(b)
}

// Whoever gets a number that was somebody else's sees who is found by it and takes that
// back, and the former holder is not found in the very next answer of another replica.
func TestTheNewOwnerOfARecycledNumber(t *testing.T) {
	each(t, func(s *story) {
		second := newDirectory(s.T, s.Replica(s.T, s.DB), s.server)
		s.bindNumber("12015550123", alice)
		bound := s.Clock.Now()
		s.Clock.Advance(90 * 24 * time.Hour)
		proof := s.owner(s.number("12015550123"))
		owned, err := s.directory.Owned(s.Context(), proof)
		want := lookup.Owned{User: alice, Since: bound, NotAfter: bound.Add(lookup.DefaultLives.MSISDN)}
		if err != nil || owned.User != want.User || !owned.Since.Equal(want.Since) || !owned.NotAfter.Equal(want.NotAfter) {
			s.Errorf("Owned = %+v, %v, want %+v", owned, err, want)
		}
		if got := s.findNumber(second, "12015550123"); got != alice {
			s.Errorf("before, %q is found", got)
		}
		if err := s.directory.UnbindAsOwner(s.Context(), proof); err != nil {
			s.Fatal(err)
		}
		if got := s.findNumber(second, "12015550123"); got != "" {
			s.Errorf("after it was taken back, %q is found", got)
		}
		if owned, err := s.directory.Owned(s.Context(), proof); err != nil || owned != (lookup.Owned{}) {
			s.Errorf("Owned = %+v, %v", owned, err)
		}
		if err := s.directory.UnbindAsOwner(s.Context(), proof); err != nil {
			s.Errorf("again = %v", err)
		}
		if got, want := s.feed(), "bind 12015550123 @alice:example.org\nunbind 12015550123 @alice:example.org"; got != want {
			s.Errorf("the feed is\n%s\nwant\n%s", got, want)
		}
		s.check()
	})
}

func (s *story) findNumber(d *lookup.Directory, digits string) matrix.UserID {
	s.Helper()
	pepper := d.Details().Pepper
	hash := clientHash(digits, "msisdn", pepper)
	answer, err := d.Lookup(s.Context(), ask(lookup.SHA256, pepper, []string{hash}))
	if err != nil {
		s.Fatal(err)
	}
	return answer.Users[hash]
}

// A session for anything else gives its holder none of what the owner's page has.
func TestASessionOfAnotherPurposeIsNoOwners(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		for _, caller := range []verify.Caller{verify.Account(bob), verify.Page} {
			_, proof := s.Prove(s.T, s.email("alice@example.org"), caller, "any")
			_, errOwned := s.directory.Owned(s.Context(), proof)
			_, errHeld := s.directory.HeldFor(s.Context(), proof)
			for name, err := range map[string]error{
				"Owned": errOwned, "HeldFor": errHeld,
				"UnbindAsOwner": s.directory.UnbindAsOwner(s.Context(), proof), "EraseAsOwner": s.directory.EraseAsOwner(s.Context(), proof),
			} {
				if !errors.Is(err, verify.ErrOtherPurpose) {
					s.Errorf("%s with a session of %s = %v", name, caller, err)
				}
			}
		}
		s.wantFound(s.directory, "alice@example.org", alice)
	})
}

// What an owner takes along is of the address alone, and has all of it.
func TestEverythingHeldAboutAnAddress(t *testing.T) {
	each(t, func(s *story) {
		s.bind("shared@example.org", alice)
		s.bind("shared@example.org", bob)
		s.bind("carol@example.org", "@carol:example.org")
		s.directory.Holders["invitations"] = &room{held: "an invitation of shared@example.org"}
		text := s.text(s.directory.HeldFor(s.Context(), s.owner(s.email("shared@example.org"))))
		for _, want := range []string{`"binding":{"medium":"email","address":"shared@example.org","user_id":"@bob:example.org"`,
			`"kind":"bind"`, `"kind":"rebind"`, `"user_id":"@bob:example.org","withheld":true`, `"verification":{"sessions":[`, `"purpose":"manage"`,
			`"invitations":"an invitation of shared@example.org"`} {
			if !strings.Contains(text, want) {
				s.Errorf("the document lacks %s:\n%s", want, text)
			}
		}
		if strings.Contains(text, "carol") {
			s.Errorf("the document tells of another address:\n%s", text)
		}
		if text := s.text(s.directory.Held(s.Context(), s.email("nobody@example.org"))); !strings.Contains(text, `"binding":null`) {
			s.Errorf("of an address of which nothing is held: %s", text)
		}
	})
}

// Whoever gets an address that was somebody else's learns that it was, and when, and not whose;
// what is theirs is named. Where nobody is behind it, nobody is named.
func TestTheNewOwnerIsNotToldWhoWasBefore(t *testing.T) {
	each(t, func(s *story) {
		s.bindNumber("12015550123", alice)
		bound := s.Clock.Now().UnixMilli()
		s.bindNumber("12015550123", bob)
		s.bindNumber("12015550123", "@carol:example.org")
		s.bindNumber("12015550123", "@carol:example.org")
		number := s.number("12015550123")
		changes := func() string { return s.text(lookup.Document{"": s.parts(number)["changes"]}, nil) }
		text := changes()
		for _, want := range []string{
			fmt.Sprintf(`{"position":1,"kind":"bind","medium":"msisdn","address":"12015550123","withheld":true,"at_ts":%d,`, bound),
			`{"position":2,"kind":"rebind","medium":"msisdn","address":"12015550123","withheld":true,"at_ts":`,
			`{"position":3,"kind":"rebind","medium":"msisdn","address":"12015550123","user_id":"@carol:example.org","withheld":true,"at_ts":`,
			`{"position":4,"kind":"bind","medium":"msisdn","address":"12015550123","user_id":"@carol:example.org","at_ts":`,
		} {
			if !strings.Contains(text, want) {
				s.Errorf("the changes lack %s:\n%s", want, text)
			}
		}
		if strings.Contains(text, "alice") || strings.Contains(text, "bob") {
			s.Errorf("the changes tell who was behind the number before:\n%s", text)
		}
		if err := s.directory.UnbindAsOwner(s.Context(), s.owner(number)); err != nil {
			s.Fatal(err)
		}
		if text := changes(); strings.Contains(text, "@") || strings.Count(text, `"withheld":true`) != 5 {
			s.Errorf("of a number that nobody is behind: %s", text)
		}
	})
}

// parts are what is held about an address, for its owner.
func (s *story) parts(a threepid.Address) lookup.Document {
	s.Helper()
	held, err := s.directory.HeldFor(s.Context(), s.owner(a))
	if err != nil {
		s.Fatal(err)
	}
	return held
}

// room is another room that holds something.
type room struct {
	held   string
	fails  error
	erased []string
}

func (r *room) Held(context.Context, threepid.Address) (any, error) { return r.held, nil }

func (r *room) Erase(_ context.Context, _ *store.Tx, a threepid.Address) error {
	r.erased = append(r.erased, a.String())
	return r.fails
}

// After an erasure the whole database holds nothing that tells who it was or whose.
func TestAnErasureLeavesNothingThatIdentifies(t *testing.T) {
	each(t, func(s *story) {
		s.bind("shared@example.org", alice)
		s.bind("shared@example.org", bob)
		s.unbind("shared@example.org", bob)
		s.bind("shared@example.org", alice)
		invitations := &room{}
		s.directory.Holders["invitations"] = invitations
		var told []lookup.Kind
		s.directory.Told = append(s.directory.Told, func(_ context.Context, _ *store.Tx, c lookup.Change) error {
			told = append(told, c.Kind)
			return nil
		})
		second := newDirectory(s.T, s.Replica(s.T, s.DB), s.server)
		s.wantFound(second, "shared@example.org", alice)
		proof := s.owner(s.email("shared@example.org"))
		if err := s.directory.EraseAsOwner(s.Context(), proof); err != nil {
			s.Fatal(err)
		}
		s.wantFound(second, "shared@example.org", "")
		// Once or, where the transaction ran again, more often.
		if !slices.Contains(invitations.erased, "shared@example.org") || !slices.Contains(told, lookup.Erased) {
			s.Errorf("other rooms erased %q and were told %v", invitations.erased, told)
		}
		if got, want := s.feed(), "bind\nrebind\nunbind\nbind\nerase"; got != want {
			s.Errorf("the feed is\n%s\nwant\n%s", got, want)
		}
		s.identifiesNobody("shared", "alice", "bob")
		text := s.text(s.directory.Held(s.Context(), s.email("shared@example.org")))
		if !strings.Contains(text, `"changes":[{"position":5,"kind":"erase","at_ts":`) || !strings.Contains(text, `"sessions":[]`) {
			s.Errorf("what is held says %s", text)
		}
		s.check()
	})
}

// identifiesNobody looks through every table.
func (s *story) identifiesNobody(names ...string) {
	s.Helper()
	dump := storetest.Dump(s.T, s.DB, "lookup_bindings", "lookup_changes", "lookup_feed", "verify_sessions", "verify_suppressions",
		"outbox_jobs", "quota_buckets", "captcha_challenges")
	for _, name := range names {
		if strings.Contains(dump, name) {
			s.Errorf("the database still names %s:\n%s", name, dump)
		}
	}
}

// Two tabs erase at the same time: one does, and there is one row of it.
func TestTwoTabsErase(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		proof := s.owner(s.email("alice@example.org"))
		second := newDirectory(s.T, s.Replica(s.T, s.DB), s.server)
		var errs [4]error
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				errs[i] = []*lookup.Directory{s.directory, second}[i%2].EraseAsOwner(context.Background(), proof)
			})
		}
		wg.Wait()
		done := 0
		for _, err := range errs {
			switch {
			case err == nil:
				done++
			case !errors.Is(err, verify.ErrNoSession):
				s.Errorf("EraseAsOwner = %v", err)
			}
		}
		if got := s.feed(); done != 1 || got != "bind\nerase" {
			s.Errorf("%d erased, and the feed is\n%s", done, got)
		}
		s.check()
	})
}

// Whatever fails on the way, all is as before: a process that dies half-way has erased
// nothing.
func TestAnErasureIsWholeOrNot(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		proof := s.owner(s.email("alice@example.org"))
		failing := &room{fails: errors.New("the disk is full")}
		s.directory.Holders["a failing room"] = failing
		tables := []string{"lookup_bindings", "lookup_changes", "lookup_feed", "verify_sessions"}
		before := storetest.Dump(s.T, s.DB, tables...)
		if err := s.directory.EraseAsOwner(s.Context(), proof); !errors.Is(err, failing.fails) {
			s.Errorf("EraseAsOwner = %v", err)
		}
		if after := storetest.Dump(s.T, s.DB, tables...); after != before {
			s.Errorf("a failed erasure changed\n%s\nto\n%s", before, after)
		}
		s.wantFound(s.directory, "alice@example.org", alice)
		failing.fails = nil
		if err := s.directory.EraseAsOwner(s.Context(), proof); err != nil {
			s.Errorf("again = %v", err)
		}
		s.wantFound(s.directory, "alice@example.org", "")
	})
}
