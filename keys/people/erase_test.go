package people_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/keys/entry"
	"signet/keys/log"
	"signet/keys/people"
	"signet/lookup"
)

var tables = []string{"people_state", "people_labels", "people_versions", "people_recoveries", "people_erasures"}

func (s *story) erase(address string) {
	s.Helper()
	s.must(s.directory.Erase(s.Context(), s.email(address)))
}

// wantDestroyed asserts that of a label with that many versions, none but the last opens.
func (s *story) wantDestroyed(left int) {
	s.Helper()
	var n int
	s.must(s.DB.QueryRow(s.Context(), `SELECT COUNT(*) FROM people_versions WHERE position > 0 AND (LENGTH(value_sealed) > 0 OR LENGTH(opening_sealed) > 0)`).Scan(&n))
	if n != left {
		s.Errorf("%d versions can be opened, want %d", n, left)
	}
}

func TestAnErasureLeavesATombstone(t *testing.T) {
	each(t, func(s *story) {
		const label = "binding:email:alice@example.org"
		s.bind("alice@example.org", alice)
		s.bind("alice@example.org", bob)
		s.bind("carol@example.org", bob)
		s.seal()
		s.erase("alice@example.org")
		// Until the tombstone is logged, the version is proven and what it was is gone.
		if found := s.lookup(label); !found.Present || found.Version != 1 || found.Value != nil || found.Opening != nil {
			s.Errorf("version %d is proven with %s", found.Version, found.Value)
		}
		s.wantDestroyed(1)
		s.seal()
		s.want(label, 2, `"im.signet.keys.erased.v1"`)
		s.want("binding:email:carol@example.org", 0, string(bob))
		s.erase("alice@example.org") // there is nothing to erase
		s.erase("nobody@example.org")
		if n := s.seal(); n != 0 {
			s.Errorf("%d entries were appended", n)
		}
		s.bind("alice@example.org", alice)
		s.seal()
		s.want(label, 3, string(alice))
		s.erase("alice@example.org")
		s.seal()
		s.want(label, 4, `"im.signet.keys.erased.v1"`)
		h, past := s.history(label) // shows that there were versions, and of none what it was
		for i, v := range h.Versions {
			if v.Erased != (i < 4) || (past.Values[i] == nil) != (i < 4) {
				s.Errorf("version %d of the history is %s, erased: %t", i, v.Value, v.Erased)
			}
		}
		s.history("email:nobody@example.org")
		s.check()
	})
}

// What was bound and erased before it was logged never gets there.
func TestAnErasureBeforeTheLog(t *testing.T) {
	each(t, func(s *story) {
		const label = "binding:email:alice@example.org"
		s.bind("alice@example.org", alice)
		s.erase("alice@example.org")
		s.bind("bob@example.org", bob)
		s.seal()
		s.wantNone(label)
		s.want("binding:email:bob@example.org", 0, string(bob))
		s.bind("alice@example.org", bob)
		s.seal()
		s.bind("alice@example.org", alice) // of the feed, not followed yet
		s.erase("alice@example.org")
		s.bind("alice@example.org", bob)
		s.seal()
		s.want(label, 2, string(bob)) // after the tombstone
		s.check()
	})
}

func TestAUserIsErased(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		s.bind("given@example.org", alice)
		s.bind("left@example.org", alice)
		s.bind("bob@example.org", bob)
		s.seal()
		s.bind("given@example.org", bob)
		s.must(s.directory.Unbind(s.Context(), s.email("left@example.org"), alice))
		s.seal()
		s.must(s.directory.EraseUser(s.Context(), alice))
		s.seal()
		s.want("binding:email:alice@example.org", 1, `"im.signet.keys.erased.v1"`)
		s.want("binding:email:left@example.org", 2, `"im.signet.keys.erased.v1"`)
		s.want("binding:email:given@example.org", 1, string(bob)) // who is still behind it
		s.want("binding:email:bob@example.org", 0, string(bob))
		s.wantDestroyed(4) // two of bob, and two tombstones
		held, err := s.people.HeldBy(s.Context(), alice)
		if all := held.([]people.HeldVersion); err != nil || len(all) != 0 {
			s.Errorf("of a user who was erased %+v is held, %v", all, err)
		}
		s.check()
	})
}

// An erasure that comes while a batch is being prepared: the batch is not logged as it was
// made, and the next one has nothing of what was erased.
func TestAnErasureMeetsABatch(t *testing.T) {
	for what, erase := range map[string]func(s *story){
		"address": func(s *story) { s.erase("alice@example.org") },
		"user":    func(s *story) { s.must(s.directory.EraseUser(s.Context(), alice)) },
	} {
		t.Run(what, func(t *testing.T) {
			each(t, func(s *story) {
				s.bind("carol@example.org", bob)
				s.seal()
				s.bind("alice@example.org", alice)
				random := s.random
				s.random = atOnce{func() { erase(s) }, new(bool), random}
				s.people = s.reopen()
				if _, err := s.people.Tiles().Seal(s.Context()); !errors.Is(err, log.ErrSuperseded) {
					s.Errorf("the batch met an erasure and came to %v", err)
				}
				s.seal()
				s.wantNone("binding:email:alice@example.org")
				s.check()
			})
		})
	}
}

// atOnce is randomness that does something the first time it is read.
type atOnce struct {
	do   func()
	done *bool
	from interface{ Read([]byte) (int, error) }
}

func (a atOnce) Read(b []byte) (int, error) {
	if !*a.done {
		*a.done = true
		a.do()
	}
	return a.from.Read(b)
}

// What is not logged yet is erased where it waits, and still has its number.
func TestAnErasureThatIsUndone(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		s.seal()
		before := storetest.Dump(s.TB, s.DB, tables...)
		s.directory.Holders["refuses"] = refusing{}
		if err := s.directory.Erase(s.Context(), s.email("alice@example.org")); !errors.Is(err, errRefused) {
			// Holders are called in any order, so that this one may have been before.
			s.Fatalf("Erase = %v", err)
		}
		if after := storetest.Dump(s.TB, s.DB, tables...); after != before {
			s.Errorf("an erasure that was undone left\n%s\nin the place of\n%s", after, before)
		}
	})
}

var errRefused = errors.New("refused")

// refusing is a Holder that cannot erase.
type refusing struct{ lookup.Holder }

func (refusing) Erase(ctx context.Context, tx *store.Tx, _ address) error { return errRefused }

// The tables hold neither labels nor values, before an erasure and after.
func TestADumpTellsNobody(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		s.seal()
		s.bind("alice@example.org", alice)
		s.erase("alice@example.org")
		s.bind("bob@example.org", bob)
		s.seal()
		dump := storetest.Dump(s.TB, s.DB, append(tables, "log_tiles")...)
		if !strings.Contains(dump, "people_versions") {
			s.Fatal("the dump is empty")
		}
		for _, word := range []string{"alice", "bob", "binding", "im.signet"} {
			if strings.Contains(dump, word) {
				s.Errorf("the dump holds %s", word)
			}
		}
	})
}

// Whoever knows label and value, has the tables and the log, and every key of the server:
// after an erasure no octets anywhere open the commitment.
func TestNothingOpensWhatWasErased(t *testing.T) {
	each(t, func(s *story) {
		value := []byte(s.bind("alice@example.org", alice))
		s.seal()
		l := s.label("binding:email:alice@example.org")
		commitment := entry.Commitment(*s.lookup(l.String()).Ladder[0].Map.Value)
		if opens := s.openings(); !opens(func(o entry.Opening) bool { return entry.Commit(o, l, 0, value) == commitment }) {
			s.Fatal("not even before the erasure is the opening found")
		}
		s.erase("alice@example.org")
		s.seal()
		if opens := s.openings(); opens(func(o entry.Opening) bool { return entry.Commit(o, l, 0, value) == commitment }) {
			s.Error("the opening is still there")
		}
	})
}

// openings tries all octets that stand in the tables, as they are and as the vault opens them.
func (s *story) openings() func(try func(entry.Opening) bool) bool {
	s.Helper()
	box, err := s.Vault.Box(s.Context(), "people value")
	s.must(err)
	rows, err := s.DB.Query(s.Context(), `SELECT label_tag, version, opening_sealed, value_sealed, prepared FROM people_versions`)
	s.must(err)
	defer rows.Close()
	var all [][]byte
	for rows.Next() {
		var tag, opening, value, prepared []byte
		var version uint32
		s.must(rows.Scan(&tag, &version, &opening, &value, &prepared))
		all = append(all, tag, opening, value, prepared)
		for _, what := range []string{"opening", "value"} {
			for _, sealed := range [][]byte{opening, value} {
				if plain, err := box.Open(sealed, append(binary.BigEndian.AppendUint32(bytes.Clone(tag), version), what...)); err == nil {
					all = append(all, plain)
				}
			}
		}
	}
	return func(try func(entry.Opening) bool) bool {
		for _, b := range all {
			for i := 0; i+len(entry.Opening{}) <= len(b); i++ {
				if try(entry.Opening(b[i:])) {
					return true
				}
			}
		}
		return false
	}
}

// The same of keys that wait, in a batch without any binding.
func TestAnErasureMeetsKeysThatWait(t *testing.T) {
	each(t, func(s *story) {
		s.seal()
		s.publish(s.draft(0, 1))
		random := s.random
		s.random = atOnce{func() { s.erase("alice@example.org") }, new(bool), random}
		s.people = s.reopen()
		if _, err := s.people.Tiles().Seal(s.Context()); !errors.Is(err, log.ErrSuperseded) {
			s.Errorf("the batch met an erasure and came to %v", err)
		}
		s.seal()
		s.want(aliceLabel, 0, `"im.signet.keys.erased.v1"`)
		s.check()
	})
}

// Keys that are erased while a batch has them are not logged as they were; whoever has none may
// have them erased as often as they like, and nothing of others' waits for it.
func TestKeysAreErasedWhileABatchIsPrepared(t *testing.T) {
	for who, want := range map[matrix.UserID]error{alice: log.ErrSuperseded, bob: nil} {
		t.Run(who.String(), func(t *testing.T) {
			each(t, func(s *story) {
				s.seal()
				first := s.first(alice)
				_, err := s.people.Publish(s.Context(), s.by(alice, ""), first.json(s.TB))
				s.must(err)
				random := s.random
				s.random = atOnce{func() { s.must(s.people.EraseKeys(s.Context(), s.by(who, ""))) }, new(bool), random}
				s.people = s.reopen()
				if _, err := s.people.Tiles().Seal(s.Context()); !errors.Is(err, want) {
					s.Errorf("the batch came to %v, want %v", err, want)
				}
				s.seal()
				s.want(first.label, 0, map[matrix.UserID]string{alice: "erased", bob: "master"}[who])
				s.check()
			})
		})
	}
}

// Whoever has keys erased, with a session or a token that may be stolen, does not do so unnoticed;
// who has none tells nobody anything.
func TestTheOwnerIsToldOfAnErasure(t *testing.T) {
	each(t, func(s *story) {
		named := s.draft(0, 1)
		named.mxid = alice
		s.publish(named)
		_, err := s.people.Publish(s.Context(), s.by(bob, ""), s.first(bob).json(s.TB))
		s.must(err)
		s.seal()
		s.events = nil
		for _, r := range []people.Right{s.by(alice, ""), s.right("alice@example.org"), s.by(bob, ""), s.by(bob, "")} {
			s.must(s.people.EraseKeys(s.Context(), r))
		}
		want := []people.Event{
			{Kind: people.Erased, Label: s.label("email:alice@example.org"), Version: 1, User: alice},
			{Kind: people.Erased, Label: s.label("mxid:@bob:example.org"), Version: 1, User: bob},
		}
		if !slices.Equal(s.events, want) {
			s.Errorf("owners are told of %+v, want %+v", s.events, want)
		}
		s.seal()
		s.check()
	})
}
