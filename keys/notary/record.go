package notary

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/keys/entry"
)

// kind is what a record is of.
type kind string

// The kinds, by the types of their records.
const (
	serverKeys kind = "im.signet.keys.server_keys.v1"
	conflict   kind = "im.signet.keys.server_keys_conflict.v1"
	decision   kind = "im.signet.keys.server_keys_decision.v1"
	policy     kind = "im.signet.keys.policy.v1"
)

// envelope is what records have in common. Hashes are SHA-256 in unpadded base64url.
type envelope struct {
	Type       kind              `json:"type"`
	ServerName matrix.ServerName `json:"server_name"`
	// Prev is the hash of the record of this type about this server before it.
	Prev string `json:"prev,omitzero"`
}

// seen is when something was observed.
type seen struct {
	MS int64 `json:"ms"`
}

// keysRecord is a key document as the server signed it. HeldUntil is there where its keys are
// wholly new: nobody is told of them before.
type keysRecord struct {
	envelope
	Keys      jsontext.Value `json:"keys"`
	SHA256    string         `json:"sha256"` // of Keys
	Seen      seen           `json:"seen"`
	HeldUntil int64          `json:"held_until,omitzero"` // milliseconds
}

// conflictRecord is a document that was refused: in the one whose hash is Known, the key id
// has other octets.
type conflictRecord struct {
	envelope
	Keys   jsontext.Value `json:"keys"`
	SHA256 string         `json:"sha256"` // of Keys
	Seen   seen           `json:"seen"`
	KeyID  matrix.KeyID   `json:"key_id"`
	Known  string         `json:"known"`
}

// policyRecord is all rules about a server from its time on; none once a block is lifted.
type policyRecord struct {
	envelope
	Rules []Rule `json:"rules"`
	TS    int64  `json:"ts"` // milliseconds
}

func hashOf(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}

func text(hash []byte) string { return base64.RawURLEncoding.EncodeToString(hash) }

// last is the record of one kind about a server after which the next one comes.
type last struct {
	n    int64
	hash []byte
	at   time.Time
}

// appendRecord writes a record behind those of its kind about its server, to be logged. fill is
// given what they have in common. The time of a record is no earlier than that of the one
// before, so that they are logged in their order, whoever's clock is behind. The error is
// entry.ErrObject for what cannot be an entry.
func appendRecord(ctx context.Context, tx *store.Tx, k kind, server matrix.ServerName, now time.Time, fill func(envelope) any) (n int64, err error) {
	before, err := selectLast(ctx, tx, k, server)
	if err != nil {
		return 0, err
	}
	e := envelope{Type: k, ServerName: server}
	if before.n > 0 {
		e.Prev = text(before.hash)
	}
	record, err := canonical(fill(e))
	if err != nil {
		return 0, err
	}
	if before.at.After(now) {
		now = before.at
	}
	return before.n + 1, insertRecord(ctx, tx, k, server, last{n: before.n + 1, hash: hashOf(record), at: now}, record)
}

func canonical(value any) ([]byte, error) {
	written, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", entry.ErrObject, err)
	}
	record, err := matrix.CanonicalJSON(written)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", entry.ErrObject, err)
	}
	if _, err := entry.NewRecord(record); err != nil {
		return nil, err
	}
	return record, nil
}
