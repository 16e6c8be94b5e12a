package userdirectory_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"signet/internal/homeserver/userdirectory"
	"signet/internal/matrix"
)

// Who is found, and by which name, is what the searcher might read anyway.
func TestNobodyIsFoundThroughAWall(t *testing.T) {
	w := newWorld(t)
	w.call(bob, "Bob Builder")
	w.in("!private", who(alice), called(bob, "Secret Agent"), called(dave, "Dave the Spy"))
	w.in("!other", who(carol))
	w.finds(alice, "bob", "@bob:hs.test Bob Builder")
	w.finds(alice, "spy", "@dave:elsewhere.test Dave the Spy")
	w.finds(alice, "secret") // a name that a user of this server has in a room alone
	w.finds(carol, "bob")
	w.finds(carol, "@dave:elsewhere.test")
	w.finds(alice, "alice") // oneself

	w.in("!square", called(dave, "David"), who(bob))
	w.finds(carol, "dave")
	w.open("!square", true)
	w.finds(carol, "dave", "@dave:elsewhere.test David")
	w.finds(carol, "spy") // as they are called where Carol is not
	w.finds(carol, "bob", "@bob:hs.test Bob Builder")
	w.finds(alice, "dave", "@dave:elsewhere.test Dave the Spy")
	w.finds(alice, "david", "@dave:elsewhere.test David")

	w.out("!square", bob) // of the room nothing is known any more
	w.finds(carol, "david")
	w.in("!square", who(bob))
	w.open("!square", false)
	w.finds(carol, "david")
	w.out("!private", alice)
	w.finds(alice, "spy")
}

func TestKnownIsWhatMayBeSeen(t *testing.T) {
	w := newWorld(t)
	w.in("!private", who(alice), called(dave, "Dave the Spy"))
	w.in("!other", who(carol))
	for by, want := range map[matrix.UserID]string{alice: "Dave the Spy", carol: ""} {
		f, ok, err := w.directory.Known(t.Context(), by, dave)
		if err != nil || f.DisplayName != want || ok != (want != "") {
			t.Errorf("%s knows %q, %v, %v, want %q", by, f.DisplayName, ok, err, want)
		}
	}
}

func TestAMatch(t *testing.T) {
	for _, c := range []struct {
		name, text string
		found      bool
	}{
		{"Zoë Müller", "zoe", true},
		{"Zoe Muller", "ZOË MÜLLER", true},
		{"Zoe\u0308", "zo\u00eb", true},
		{"Jürgen Weiß", "weiss", true},
		{"ＦＵＬＬ width", "full", true},
		{"Σίσυφος", "σισυφοσ", true},
		{"Иван Йотов", "йот", true},
		{"山田太郎", "太郎", true},
		{"山田太郎", "太子", false},
		{"Anna-Lena Groß", "lena", true},
		{"Anna-Lena Groß", "gross anna", true},
		{"Anna-Lena Groß", "ena", false},
		{"Anna-Lena Groß", "anna karenina", false},
		{"O'Brien", "brien", true},
		{"🦊", "🦊", true},
		{"100%_sure", "%", false}, // which would be a wildcard elsewhere
		{"100%_sure", "_", false},
		{"Anybody", "", false},
		{"Anybody", " \t ", false},
		{"Anybody", "@", false},
		{"Anybody", ":", false},
		{"Anybody", "@x1", true},
		{"Anybody", "x1:hs.test", true},
		{"Anybody", "@x1:hs", true},
		{"Anybody", "@x1:other", false},
		{"Anybody", "@X1:HS.TEST", true},
		{"Anybody", "x1.y", true},
		{"Any\u200dbody \u0000", "any", true},
	} {
		w := newWorld(t)
		w.in("!r", who(alice), who("@x1.y:hs.test"), who("@x1:hs.test"))
		w.call("@x1.y:hs.test", c.name)
		w.call("@x1:hs.test", c.name)
		if found, _ := w.search(alice, c.text); len(found) > 0 != c.found {
			t.Errorf("%q finds %q: %v, want %v", c.text, c.name, found, c.found)
		}
	}
}

func TestTheBestComeFirst(t *testing.T) {
	w := newWorld(t)
	w.in("!square", who(bob), who("@ann:hs.test"), who("@x:hs.test"), called("@y:elsewhere.test", "Ann"), who("@z:hs.test"), who("@annabel:hs.test"))
	w.open("!square", true)
	w.call("@x:hs.test", "Joanna Ann")
	w.call("@z:hs.test", "Anne Smith")
	w.in("!own", who(alice), who("@annabel:hs.test"))
	w.finds(alice, "ann", "@ann:hs.test", "@y:elsewhere.test Ann", "@annabel:hs.test", "@z:hs.test Anne Smith", "@x:hs.test Joanna Ann")
	w.finds(alice, "@ann:hs.test", "@ann:hs.test")
}

func TestNoMoreThanTheLimit(t *testing.T) {
	w := newWorld(t)
	w.in("!r", who(alice))
	for i := range 11 {
		w.in("!r", who(matrix.UserID(fmt.Sprintf("@user%02d:hs.test", i))))
	}
	if found, limited := w.search(alice, "user"); len(found) != 10 || !limited {
		t.Errorf("%d of 11 are found, limited %v", len(found), limited)
	}
	w.gone["@user03:hs.test"] = true
	if found, limited := w.search(alice, "user"); len(found) != 10 || limited || found[3].User != "@user04:hs.test" {
		t.Errorf("%v of 10 are found, limited %v", found, limited)
	}
}

func TestWhoIsLeftOut(t *testing.T) {
	w := newWorld(t)
	w.in("!r", who(alice), who(bob), who(carol))
	w.gone[bob] = true
	w.finds(alice, "bob")
	found, limited, err := w.directory.Find(t.Context(), userdirectory.Search{By: alice, Term: "carol", Limit: 1, Without: map[string]bool{string(carol): true}})
	if len(found) > 0 || limited || err != nil {
		t.Errorf("somebody who is ignored is found: %v, %v, %v", found, limited, err)
	}
}

// What is told before a search is seen by it, and only that is read again.
func TestChangesAreSeen(t *testing.T) {
	w := newWorld(t)
	w.in("!r", who(alice), who(bob), called(dave, "Dave"))
	w.finds(alice, "dave", "@dave:elsewhere.test Dave")
	w.in("!r", called(dave, "Dawid"))
	w.finds(alice, "dawid", "@dave:elsewhere.test Dawid")
	w.call(bob, "Robert")
	w.finds(alice, "robert", "@bob:hs.test Robert")
	w.call(bob, "")
	w.finds(alice, "robert")
	w.finds(alice, "bob", "@bob:hs.test")
	before := w.reads
	w.finds(alice, "bob", "@bob:hs.test")
	if w.reads != before {
		t.Errorf("%d members are read when nothing has changed", w.reads-before)
	}
}

// A database that is away for a moment makes a search fail, and none wrong.
func TestNothingIsLostWhenItCannotBeRead(t *testing.T) {
	w := newWorld(t)
	w.in("!r", who(alice), who(bob))
	w.finds(alice, "bob", "@bob:hs.test")
	w.in("!r", who(carol))
	w.broken = errBroken
	for range 2 {
		if _, _, err := w.directory.Find(t.Context(), userdirectory.Search{By: alice, Term: "carol", Limit: 10}); !errors.Is(err, errBroken) {
			t.Fatalf("searching = %v, want %v", err, errBroken)
		}
	}
	w.broken = nil
	w.finds(alice, "carol", "@carol:hs.test")
	w.reopen()
	w.finds(alice, "carol", "@carol:hs.test")
}

// Who takes the search back has begun what the next one needs.
func TestASearchThatIsTakenBack(t *testing.T) {
	w := newWorld(t)
	w.in("!r", who(alice), who(bob))
	ctx, cancel := context.WithCancel(t.Context())
	w.reading = cancel
	if _, _, err := w.directory.Find(ctx, userdirectory.Search{By: alice, Term: "bob", Limit: 10}); err != nil {
		t.Fatal(err)
	}
	before := w.reads
	w.finds(alice, "bob", "@bob:hs.test")
	if w.reads != before || ctx.Err() == nil {
		t.Errorf("%d members are read once more", w.reads-before)
	}
}

// More changes than are remembered have everything be read.
func TestManyChangesAtOnce(t *testing.T) {
	w := newWorld(t)
	w.in("!r", who(alice), who(bob))
	w.finds(alice, "bob", "@bob:hs.test")
	w.out("!r", bob)
	for i := range 20_000 {
		w.directory.Moved(matrix.UserID(fmt.Sprintf("@user%d:hs.test", i)))
	}
	w.in("!r", who(carol))
	w.finds(alice, "bob")
	w.finds(alice, "carol", "@carol:hs.test")
}

// BenchmarkFind searches among 10,000 users who are in three rooms of 3,000 and one of all.
func BenchmarkFind(b *testing.B) {
	w := newWorld(b)
	for i := range 10_000 {
		user := matrix.UserID(fmt.Sprintf("@user%d:hs.test", i))
		w.names[user] = fmt.Sprintf("Person Number%d", i)
		w.in("!all", who(user))
		if i < 9000 {
			w.in(matrix.RoomID(fmt.Sprintf("!r%d", i%3)), who(user))
		}
	}
	w.open("!all", true)
	for _, text := range []string{"person", "number77", "nobody", "@user5000:hs.test"} {
		b.Run(text, func(b *testing.B) {
			for b.Loop() {
				w.search("@user1:hs.test", text)
			}
		})
	}
}

// What was read at the start is not read by who searches first; where that failed, it is.
func TestReadBeforeAnybodySearches(t *testing.T) {
	w := newWorld(t)
	w.in("!room", who(alice), called(dave, "Dave"))
	w.broken = errBroken
	if err := w.directory.Read(t.Context()); !errors.Is(err, errBroken) {
		t.Errorf("Read = %v", err)
	}
	w.broken = nil
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := w.directory.Read(stopped); !errors.Is(err, context.Canceled) {
		t.Errorf("Read by who stops = %v", err)
	}
	w.finds(alice, "dave", "@dave:elsewhere.test Dave")

	w.reopen()
	if err := w.directory.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := w.reads
	if w.finds(alice, "dave", "@dave:elsewhere.test Dave"); w.reads != before || before == 0 {
		t.Errorf("%d members are read at the start, and %d by who searches", before, w.reads-before)
	}
}
