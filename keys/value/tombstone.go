package value

import (
	"bytes"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/matrix"
	"signet/keys/entry"
)

// tombstoneFields is the JSON of a Tombstone, its members in canonical order.
type tombstoneFields struct {
	TS      int64  `json:"ts"`
	Type    string `json:"type"`
	Version uint32 `json:"version"`
}

// Tombstone says that a label was erased: what was known of it before is no more. It names
// nobody, and is signed by nobody but the log.
type Tombstone struct {
	Version uint32
	TS      time.Time

	object []byte
}

// NewTombstone makes the value of an erasure, in whole milliseconds.
func NewTombstone(version uint32, at time.Time) (*Tombstone, error) {
	object, err := json.Marshal(tombstoneFields{TS: at.UnixMilli(), Type: tombstoneType, Version: version})
	if err != nil {
		return nil, wrong("%w", err)
	}
	return ParseTombstone(object)
}

// ParseTombstone reads a Tombstone. The error is ErrValue.
func ParseTombstone(object []byte) (*Tombstone, error) {
	var f tombstoneFields
	if err := decodeWhole(object, &f); err != nil {
		return nil, err
	}
	if f.Type != tombstoneType {
		return nil, wrong("its type is not %s", tombstoneType)
	}
	ts, err := moment(f.TS)
	if err != nil {
		return nil, err
	}
	return &Tombstone{Version: f.Version, TS: ts, object: bytes.Clone(object)}, nil
}

// JSON is the value in canonical form.
func (t *Tombstone) JSON() []byte { return bytes.Clone(t.object) }

// About tells whether that is the version; of which label, the commitment alone says.
func (t *Tombstone) About(_ entry.Label, version uint32) error {
	if t.Version != version {
		return ErrOther
	}
	return nil
}

// ValidAt is nil: an erasure does not end.
func (t *Tombstone) ValidAt(time.Time, time.Duration) error { return nil }

// CheckServer is nil: nobody signs a tombstone.
func (t *Tombstone) CheckServer(matrix.ServerName, ServerKeys) error { return nil }
