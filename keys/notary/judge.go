package notary

import (
	"crypto/ed25519"
	"time"

	"signet/internal/matrix"
	"signet/internal/serverkeys"
)

// longest caps a document's own valid_until_ts (server-server API, GET
// /_matrix/key/v2/server).
const longest = 7 * 24 * time.Hour

// HoldDown is how long wholly new keys of a server are held before they count.
type HoldDown struct {
	New   time.Duration // where the keys before them are valid no longer
	Valid time.Duration // where they still are
}

// DefaultHoldDown leaves the owner of a name three days to object while the old keys would
// do.
var DefaultHoldDown = HoldDown{New: time.Hour, Valid: 72 * time.Hour}

// known is what is known of a server.
type known struct {
	current object // zero: none
	held    int64  // number of the object of wholly new keys; 0: none
	due     time.Time
	asked   time.Time // when the server last answered
	keys    map[matrix.KeyID]key
}

// object is a document of a server, by the number of its record.
type object struct {
	n       int64
	until   time.Time // valid until, at most 7 days from fetched
	fetched time.Time
}

// key is a key that a trusted document has shown.
type key struct {
	public  ed25519.PublicKey
	n       int64     // the newest object that has it
	expired time.Time // zero: it signs
}

// opinion is what becomes of a document.
type opinion int

const (
	conflicting opinion = iota // a key id has other octets than before: refused
	held                       // no key that signs is known: kept, not served
	trusted                    // it is the newest of the server
	outlived                   // it is true, and the one that is known is valid for longer
	repeated                   // it is known
)

func (o opinion) String() string {
	return [...]string{"conflict", "held", "trusted", "outlived", "repeated"}[o]
}

// verdict is an opinion with its grounds.
type verdict struct {
	opinion opinion
	at      matrix.KeyID // of a conflict
	due     time.Time    // of what is held
}

// judge says what to make of a document, without looking at anything else. waiting are the
// keys that are held. Of a server that nobody knows, the first document is believed. Whoever
// holds a key that signs may bring new ones along. What a former key signs proves nothing.
func (k known) judge(d serverkeys.Document, waiting map[matrix.KeyID]ed25519.PublicKey, h HoldDown, now time.Time) verdict {
	if id, changed := k.conflict(d); changed {
		return verdict{opinion: conflicting, at: id}
	}
	if len(k.keys) == 0 {
		return verdict{opinion: trusted}
	}
	if k.continued(d) {
		if validity(d, now).Before(k.current.until) {
			return verdict{opinion: outlived}
		}
		return verdict{opinion: trusted}
	}
	due := now.Add(h.New)
	if now.Before(k.current.until) {
		due = now.Add(h.Valid)
	}
	if shared(d.Signers, waiting) {
		due = k.due
	}
	if !now.Before(due) {
		return verdict{opinion: trusted}
	}
	return verdict{opinion: held, due: due}
}

// conflict names a key id that has other octets than before.
func (k known) conflict(d serverkeys.Document) (matrix.KeyID, bool) {
	for id, public := range published(d) {
		if before, ok := k.keys[id]; ok && !before.public.Equal(public) {
			return id, true
		}
	}
	return "", false
}

// maxKnown is how many keys one server has at most: all of them are read whenever somebody asks
// for the server. One document has up to 352.
const maxKnown = 400

// overflows tells whether a document brings more keys than can be remembered.
func (k known) overflows(d serverkeys.Document) bool {
	fresh := 0
	for id := range published(d) {
		if _, ok := k.keys[id]; !ok {
			fresh++
		}
	}
	return fresh > 0 && len(k.keys)+fresh > maxKnown
}

// published is all keys of a document, those that sign no longer too.
func published(d serverkeys.Document) map[matrix.KeyID]ed25519.PublicKey {
	all := map[matrix.KeyID]ed25519.PublicKey{}
	for id, old := range d.Old {
		all[id] = old.Key
	}
	for id, public := range d.Verify {
		all[id] = public
	}
	return all
}

// continued tells whether a key that signs today has signed the document.
func (k known) continued(d serverkeys.Document) bool {
	for id, public := range d.Signers {
		if before, ok := k.keys[id]; ok && before.expired.IsZero() && before.public.Equal(public) {
			return true
		}
	}
	return false
}

func shared(a, b map[matrix.KeyID]ed25519.PublicKey) bool {
	for id, public := range a {
		if other, ok := b[id]; ok && other.Equal(public) {
			return true
		}
	}
	return false
}

// validity is how long a document that was just fetched may be believed.
func validity(d serverkeys.Document, now time.Time) time.Time {
	if latest := now.Add(longest); d.ValidUntil.After(latest) {
		return latest
	}
	return d.ValidUntil
}

// after is the keys as they are once a trusted document has number n. A key that it does not
// have any more, and does not call old, is old from now on.
func (k known) after(d serverkeys.Document, n int64, o opinion, now time.Time) map[matrix.KeyID]key {
	changed := map[matrix.KeyID]key{}
	if o == outlived {
		for id, public := range published(d) {
			if _, ok := k.keys[id]; !ok {
				changed[id] = key{public: public, n: n, expired: now}
			}
		}
		return changed
	}
	for id, before := range k.keys {
		if before.expired.IsZero() {
			before.expired = now
			changed[id] = before
		}
	}
	for id, old := range d.Old {
		changed[id] = key{public: old.Key, n: n, expired: old.Expired}
	}
	for id, public := range d.Verify {
		changed[id] = key{public: public, n: n}
	}
	return changed
}
