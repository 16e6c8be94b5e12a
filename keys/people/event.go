package people

import (
	"time"

	"signet/internal/matrix"
	"signet/keys/entry"
)

// EventKind is what happened to the keys of a label. Its owner is told.
type EventKind string

// The kinds of events.
const (
	Published    EventKind = "publish"    // the first keys
	Rotated      EventKind = "rotate"     // new keys, signed by the old one
	Revoked      EventKind = "revoke"     // by who has proven the address, or the account
	RevokedByKey EventKind = "revoke-key" // by the key itself
	Recovering   EventKind = "recovering" // new keys that no old one has signed wait until Due
	Recovered    EventKind = "recovered"  // and hold now
	Returning    EventKind = "returning"  // like Recovering, where those before were revoked or erased, so that no old key can object
	Returned     EventKind = "returned"   // and hold now
	Objected     EventKind = "objected"   // or do not, for the old key has signed something else
	Erased       EventKind = "erased"     // by who has proven the address, or the account; not with all else of it
)

// Event is what happened to the keys of a label.
type Event struct {
	Kind    EventKind
	Label   entry.Label
	Version uint32
	// User is whom the keys name; of Recovering, Returning, Erased and what is revoked, those before:
	// empty for nobody.
	User matrix.UserID
	Due  time.Time // of Recovering and Returning
}
