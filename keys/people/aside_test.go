package people_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/internal/seal"
	"signet/internal/store"
	"signet/keys/people"
)

// damaged changes a bit of a row as a failing disk does, and returns what makes it whole again.
func (s *story) damaged(table, column, where string) (restore func()) {
	s.Helper()
	return s.changed(table, column, where, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
}

// shortened is damaged of what no bit tells of.
func (s *story) shortened(table, column, where string) (restore func()) {
	s.Helper()
	return s.changed(table, column, where, func(b []byte) []byte { return b[1:] })
}

func (s *story) changed(table, column, where string, change func([]byte) []byte) (restore func()) {
	s.Helper()
	var key, whole []byte
	s.must(s.DB.QueryRow(s.Context(), `SELECT label_tag, `+column+` FROM `+table+` WHERE `+where).Scan(&key, &whole))
	write := func(b []byte, where string) {
		_, err := s.DB.Exec(s.Context(), `UPDATE `+table+` SET `+column+` = $1 WHERE label_tag = $2 AND `+where, b, key)
		s.must(err)
	}
	write(change(bytes.Clone(whole)), where)
	return func() { write(whole, where) }
}

// logging is the log with what it tells operators.
func (s *story) logging() *bytes.Buffer {
	s.Helper()
	var said bytes.Buffer
	o := s.options()
	o.Log = slog.New(slog.NewTextHandler(&said, nil))
	p, err := people.Open(s.Context(), o)
	s.must(err)
	s.people = p
	s.directory.Holders["keys"], s.directory.UserHolders["keys"] = p, p
	return &said
}

func (s *story) wantDamaged(want int) {
	s.Helper()
	if got := s.people.Damaged(); got != want {
		s.Errorf("of %d labels something cannot be read, want %d", got, want)
	}
}

// What waits and cannot be read keeps nobody else's keys from the log. Once it is restored, it is
// logged as if nothing had been.
func TestADamagedVersionIsSetAside(t *testing.T) {
	for what, c := range map[string]struct{ table, column string }{
		"a value": {"people_versions", "value_sealed"},
		"a label": {"people_labels", "label_sealed"},
	} {
		t.Run(what, func(t *testing.T) {
			each(t, func(s *story) {
				said := s.logging()
				s.publish(s.draft(0, 1))
				restore := s.damaged(c.table, c.column, "1 = 1")
				for i := range 3 {
					user := matrix.UserID(fmt.Sprintf("@u%d:example.org", i))
					_, err := s.people.Publish(s.Context(), s.by(user, ""), s.first(user).json(s.TB))
					s.must(err)
					s.seal()
					s.want("mxid:"+user.String(), 0, user.String())
				}
				s.wantDamaged(1)
				s.wantNone(aliceLabel)
				if n := strings.Count(said.String(), "what cannot be read is set aside"); n != 1 || strings.Contains(said.String(), "alice") {
					s.Errorf("the operator is told %d times:\n%s", n, said)
				}
				s.Clock.Advance(time.Minute)
				s.seal()
				s.wantDamaged(1)
				restore()
				s.seal()
				s.wantNone(aliceLabel) // until it is tried again
				s.Clock.Advance(time.Minute)
				s.seal()
				s.want(aliceLabel, 0, aliceLabel)
				s.wantDamaged(0)
				s.check()
			})
		})
	}
}

// What cannot be restored is erased by its owner, and the log goes on after it.
func TestADamagedVersionIsErased(t *testing.T) {
	each(t, func(s *story) {
		s.publish(s.draft(0, 1))
		s.damaged("people_versions", "value_sealed", "1 = 1")
		s.seal()
		s.wantDamaged(1)
		s.must(s.people.EraseKeys(s.Context(), s.right("alice@example.org")))
		s.Clock.Advance(time.Minute)
		s.seal()
		s.wantDamaged(0)
		s.want(aliceLabel, 0, "erased")
		s.check()
	})
}

// The versions of a label keep their order: whoever is bound to an address, of which the tombstone
// of an erasure cannot be read, waits behind that. The feed goes on.
func TestABindingWaitsBehindWhatIsDamaged(t *testing.T) {
	each(t, func(s *story) {
		const binding, other = "binding:email:alice@example.org", "binding:email:bob@example.org"
		s.bind("alice@example.org", alice)
		s.seal()
		s.erase("alice@example.org")
		restore := s.shortened("people_versions", "prepared", "position = 0 AND version = 1")
		s.seal()
		s.wantDamaged(1)
		s.bind("alice@example.org", bob)
		s.seal()
		s.bind("bob@example.org", bob)
		s.bind("alice@example.org", alice)
		s.seal()
		s.want(other, 0, "@bob")
		if found := s.lookup(binding); found.Version != 0 {
			s.Errorf("version %d of what is set aside is logged", found.Version)
		}
		restore()
		s.Clock.Advance(time.Minute)
		s.seal()
		s.wantDamaged(0)
		s.wantHistory(binding, 4)
		s.want(binding, 3, "@alice")
		s.check()
	})
}

// wantHistory asserts how many versions a label has.
func (s *story) wantHistory(label string, versions int) {
	s.Helper()
	if _, past := s.history(label); len(past.Values) != versions {
		s.Errorf("%s has %d versions, want %d", label, len(past.Values), versions)
	}
}

// A recovery that cannot be read when its time has come keeps nobody's log from going on.
func TestADamagedRecoveryIsSetAside(t *testing.T) {
	each(t, func(s *story) {
		s.publish(s.draft(0, 1))
		s.seal()
		s.publish(s.draft(1, 2))
		restore := s.damaged("people_recoveries", "value_sealed", "1 = 1")
		s.Clock.Advance(25 * time.Hour)
		_, err := s.people.Publish(s.Context(), s.by(bob, ""), s.first(bob).json(s.TB))
		s.must(err)
		s.seal()
		s.want("mxid:"+bob.String(), 0, bob.String())
		s.want(aliceLabel, 0, aliceLabel)
		s.wantDamaged(1)
		restore()
		s.Clock.Advance(time.Minute)
		s.seal()
		s.want(aliceLabel, 1, aliceLabel)
		s.wantDamaged(0)
		s.check()
	})
}

// Nor does one whose owner cannot be told, since what says where cannot be read.
func TestARecoveryOfWhichNobodyCanBeTold(t *testing.T) {
	each(t, func(s *story) {
		damaged := true
		o := s.options()
		told := o.Told
		o.Told = func(ctx context.Context, tx *store.Tx, e people.Event) error {
			if damaged && e.Kind == people.Recovered {
				return fmt.Errorf("reading a user's addresses: %w", seal.ErrOpen)
			}
			return told(ctx, tx, e)
		}
		p, err := people.Open(s.Context(), o)
		s.must(err)
		s.people = p
		s.publish(s.draft(0, 1))
		s.seal()
		s.publish(s.draft(1, 2))
		s.Clock.Advance(25 * time.Hour)
		_, err = s.people.Publish(s.Context(), s.by(bob, ""), s.first(bob).json(s.TB))
		s.must(err)
		s.seal()
		s.want("mxid:"+bob.String(), 0, bob.String())
		s.want(aliceLabel, 0, aliceLabel)
		s.wantDamaged(1)
		damaged = false
		s.Clock.Advance(time.Minute)
		s.seal()
		s.want(aliceLabel, 1, aliceLabel)
		s.wantDamaged(0)
		s.check()
	})
}

// Where much cannot be read, it is no row that is damaged, and the log waits for its operator.
func TestMuchThatIsDamagedStopsTheLog(t *testing.T) {
	each(t, func(s *story) {
		var objects [][]byte
		for i := range 101 {
			objects = append(objects, s.first(matrix.UserID(fmt.Sprintf("@u%d:example.org", i))).json(s.TB))
		}
		s.must(s.people.QueueAll(s.Context(), objects))
		_, err := s.DB.Exec(s.Context(), `UPDATE people_versions SET value_sealed = $1`, []byte{1, 2, 3})
		s.must(err)
		if _, err := s.people.Tiles().Seal(s.Context()); !errors.Is(err, people.ErrDamaged) {
			s.Errorf("Seal = %v", err)
		}
	})
}
