package lookup_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/internal/store/storetest"
	"signet/lookup"
)

func TestReplicasShareThePepper(t *testing.T) {
	each(t, func(s *story) {
		second := newDirectory(s.T, s.Replica(s.T, s.DB), s.server)
		if a, b := s.directory.Details().Pepper, second.Details().Pepper; a != b || len(a) != 32 {
			s.Errorf("peppers %q and %q, want one of 32 characters", a, b)
		}
	})
}

// What one replica was told, every other says in its very next answer.
func TestEveryReplicaKnowsAtOnce(t *testing.T) {
	each(t, func(s *story) {
		replicas := []*lookup.Directory{s.directory, newDirectory(s.T, s.Replica(s.T, s.DB), s.server)}
		for i := range 10 {
			does, asked := replicas[i%2], replicas[(i+1)%2]
			user := []matrix.UserID{alice, bob}[i%2]
			if _, err := does.Bind(s.Context(), s.prove("shared@example.org", user), user); err != nil {
				s.Fatal(err)
			}
			s.wantFound(asked, "shared@example.org", user)
			s.wantFound(does, "shared@example.org", user)
			if i%3 == 0 {
				if err := does.UnbindAll(s.Context(), user); err != nil {
					s.Fatal(err)
				}
				s.wantFound(asked, "shared@example.org", "")
			}
		}
		s.check()
	})
}

// A replica that was started when there was much to know knows all of it.
func TestAReplicaStartsWithAllBindings(t *testing.T) {
	each(t, func(s *story) {
		for i := range 30 {
			s.bind(fmt.Sprintf("u%d@example.org", i), matrix.UserID(fmt.Sprintf("@u%d:example.org", i)))
		}
		late := newDirectory(s.T, s.Replica(s.T, s.DB), s.server)
		for i := range 30 {
			s.wantFound(late, fmt.Sprintf("u%d@example.org", i), matrix.UserID(fmt.Sprintf("@u%d:example.org", i)))
		}
	})
}

// The table and the feed hold neither the address nor the hash by which clients ask, and
// whoever has the dump finds none of a million numbers in it, nor any hash of them.
func TestADumpCannotBeSearched(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		s.bindNumber("12015550123", alice)
		dump := storetest.Dump(s.T, s.DB, "lookup_bindings", "lookup_changes", "lookup_feed")
		if !strings.Contains(dump, string(alice)) {
			s.Fatal("the dump does not even hold the user")
		}
		for _, address := range []string{"alice@example.org", "12015550123"} {
			if strings.Contains(dump, address) {
				s.Errorf("the dump holds %s", address)
			}
		}
		holds := windows(dump, 16)
		pepper := s.directory.Details().Pepper
		for n := range 1_000_000 {
			if sum := rawHash(fmt.Sprintf("1201%07d", 5_000_000+n), "msisdn", pepper); holds[[16]byte(sum[:16])] {
				s.Fatal("a hash of a number is in the dump")
			}
		}
	})
}

// windows are all pieces of a text that are so long.
func windows(text string, n int) map[[16]byte]bool {
	all := map[[16]byte]bool{}
	for i := range len(text) - n + 1 {
		all[[16]byte([]byte(text[i:i+n]))] = true
	}
	return all
}

// While peppers change, whoever is bound is found with each pepper that hash_details ever
// gave, as long as it is accepted, and bindings made meanwhile are too.
func TestRotationUnderLoad(t *testing.T) {
	each(t, func(s *story) {
		for i := range 20 {
			s.bind(fmt.Sprintf("u%d@example.org", i), alice)
		}
		second := newDirectory(s.T, s.Replica(s.T, s.DB), s.server)
		ctx, stop := context.WithCancel(s.Context())
		var wg sync.WaitGroup
		for _, d := range []*lookup.Directory{s.directory, second} {
			wg.Go(func() { s.askUntil(ctx, d) })
		}
		s.Clock.Advance(s.directory.UntilNextEpoch() - lookup.Lead - time.Minute)
		peppers := map[string]bool{}
		for i := range 45 { // minutes around the change
			s.Clock.Advance(time.Minute)
			for _, d := range []*lookup.Directory{s.directory, second} {
				if err := lookup.Tend(d, s.Context()); err != nil {
					s.Fatal(err)
				}
			}
			peppers[s.directory.Details().Pepper] = true
			if i%9 == 0 {
				s.bind(fmt.Sprintf("new%d@example.org", i), bob)
				s.wantFound(second, fmt.Sprintf("new%d@example.org", i), bob)
			}
		}
		stop()
		wg.Wait()
		if len(peppers) != 2 {
			s.Errorf("there were %d peppers, want 2", len(peppers))
		}
	})
}

// askUntil looks up who is there, again and again.
func (s *story) askUntil(ctx context.Context, d *lookup.Directory) {
	for i := 0; ctx.Err() == nil; i++ {
		pepper := d.Details().Pepper
		hash := clientHash(fmt.Sprintf("u%d@example.org", i%20), "email", pepper)
		answer, err := d.Lookup(context.Background(), ask(lookup.SHA256, pepper, []string{hash}))
		if err != nil || answer.Users[hash] != alice {
			s.Errorf("look-up %d = %v, %v", i, answer.Users, err)
			return
		}
	}
}
