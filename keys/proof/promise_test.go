package proof_test

import (
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	. "signet/keys/proof"
	"signet/keys/value"
)

// promise is a ticket for a value, due in an hour, as it was verified.
func (w *world) promise(label string, version uint32, object []byte) *value.Ticket {
	w.Helper()
	fields := value.NewTicket(w.label(label), version, sha256.Sum256(object), w.now, w.now.Add(time.Hour))
	signed, err := w.server.SignValue(serverName, fields)
	if err != nil {
		w.Fatal(err)
	}
	ticket, err := VerifyTicket(signed, w.policy(), w.now)
	if err != nil {
		w.Fatal(err)
	}
	return ticket
}

// A promise is broken when the log, sealed after it was due, does not have what was promised.
func TestPromises(t *testing.T) {
	w := newWorld(t)
	first, second := w.person(alice, "a0", ""), w.person(alice, "a0", "")
	promised, other := w.promise(alice, 0, first), w.promise(alice, 0, []byte("another value"))
	beyond, bobs := w.promise(alice, 1, second), w.promise(bob, 0, first)
	never := w.promise(nobody, 0, first)

	w.publish(alice, first)
	w.seal()
	early := w.mustVerify(w.lookup(alice, 0), Asked{Label: alice})
	w.now = w.now.Add(2 * time.Hour)
	w.seal()
	late := w.mustVerify(w.lookup(alice, 0), Asked{Label: alice})
	none := w.mustVerify(w.lookup(nobody, 0), Asked{Label: nobody})
	for what, c := range map[string]struct {
		ticket *value.Ticket
		result Result
		broken bool
	}{
		"kept":                                {promised, late, false},
		"kept early":                          {promised, early, false},
		"not yet due":                         {beyond, early, false},
		"the version is missing":              {beyond, late, true},
		"another value is there":              {other, late, true},
		"the label has no version":            {never, none, true},
		"a result that is of somebody else's": {bobs, late, false},
	} {
		if err := Kept(c.ticket, c.result); errors.Is(err, ErrBroken) != c.broken || !c.broken && err != nil {
			t.Errorf("%s: %v, want broken %t", what, err, c.broken)
		}
	}
}

func TestTicketsOfOthersAreRefused(t *testing.T) {
	w := newWorld(t)
	policy := w.policy()
	w.server.Private = secret("mallory")
	signed, err := w.server.SignValue(serverName, value.NewTicket(w.label(alice), 0, sha256.Sum256(nil), w.now, w.now.Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyTicket(signed, policy, w.now); !errors.Is(err, value.ErrSignature) {
		t.Errorf("signed by another's key: %v", err)
	}
	for _, bad := range []string{"", "null", "{}", `{"type":"im.signet.keys.ticket.v1"}`} {
		if _, err := VerifyTicket([]byte(bad), policy, w.now); !errors.Is(err, value.ErrValue) {
			t.Errorf("VerifyTicket(%q) = %v", bad, err)
		}
	}
}

// A server that promises for some other century promises nothing.
func TestPromisesOfLaterAreRefused(t *testing.T) {
	w := newWorld(t)
	for what, c := range map[string]struct {
		ahead, due time.Duration
		want       error
	}{
		"within a day":                   {0, 24 * time.Hour, nil},
		"later":                          {0, 24*time.Hour + time.Millisecond, value.ErrValue},
		"by a clock that is a bit ahead": {5 * time.Minute, 24 * time.Hour, nil},
		"given in the future":            {5*time.Minute + time.Millisecond, time.Hour, value.ErrNotYet},
	} {
		given := w.now.Add(c.ahead)
		signed, err := w.server.SignValue(serverName, value.NewTicket(w.label(alice), 0, sha256.Sum256(nil), given, given.Add(c.due)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := VerifyTicket(signed, w.policy(), w.now); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
}
