package people

import "signet/keys/entry"

// EventKind is what happened to the keys of a label.
type EventKind string

// The kinds of events. By them the owner of the label is told.
const (
	Published     EventKind = "publish"   // the first keys
	Rotated       EventKind = "rotate"    // new keys, signed by the old one
	Recovering    EventKind = "recover"   // new keys, signed by no old one, wait until Due
	Recovered     EventKind = "recovered" // and are valid now
	Objected      EventKind = "object"    // or never will be
	RevokedByKey  EventKind = "revoke-by-key"
	RevokedByWord EventKind = "revoke" // without a signature of the key
)

// Event is what happened to the keys of a label.
type Event struct {
	Kind    EventKind
	Label   entry.Label
	Version uint32
	Due     int64 // of Recovering, milliseconds since 1970
}
