package notary

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"signet/internal/matrix"
	"signet/internal/serverkeys"
	"signet/internal/store"
)

var (
	// ErrNoConflict says that nothing is to be decided.
	ErrNoConflict = errors.New("no such key of that server was refused; notary list shows those that were")
	// ErrReason says that a reason cannot be published.
	ErrReason = errors.New("a reason is 1 to 500 characters of printable text")
)

// maxReason is in characters.
const maxReason = 500

// Conflict is a key that was refused because its id had other octets before.
type Conflict struct {
	Server         matrix.ServerName
	KeyID          matrix.KeyID
	Known, Refused ed25519.PublicKey
	Seen           time.Time
	Position       int64 // of the evidence in the servers' log; 0: not logged yet
}

// Held is a server whose new keys are held until Due.
type Held struct {
	Server matrix.ServerName
	Due    time.Time
}

// Decision is an operator's, that a key id of a server stands for other octets from now on.
type Decision struct {
	Server matrix.ServerName
	KeyID  matrix.KeyID
	Key    ed25519.PublicKey
	Reason string // is published
}

// Conflicts lists the contradictions that nobody has decided, the oldest first.
func Conflicts(ctx context.Context, db *store.DB) (open []Conflict, err error) {
	all, err := selectConflicts(ctx, db, "")
	if err != nil {
		return nil, fmt.Errorf("reading conflicts: %w", err)
	}
	for _, e := range all {
		if !e.Refused.Equal(e.Known) {
			open = append(open, e.Conflict)
		}
	}
	return open, nil
}

// AllHeld lists the servers whose new keys are held, by when that ends.
func AllHeld(ctx context.Context, db *store.DB) ([]Held, error) {
	all, err := selectHeld(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("reading what is held: %w", err)
	}
	return all, nil
}

// Accept decides for a key that was refused. The document that had it counts from now on, and
// whatever else was known of the server counts no more; the log keeps it, and says who decided
// and why. Errors: ErrNoConflict, ErrReason.
func Accept(ctx context.Context, db *store.DB, d Decision, now time.Time) error {
	if !validReason(d.Reason) {
		return ErrReason
	}
	return db.Tx(ctx, func(tx *store.Tx) error { return d.accept(ctx, tx, now) })
}

func (d Decision) accept(ctx context.Context, tx *store.Tx, now time.Time) error {
	e, err := d.evidence(ctx, tx)
	if err != nil {
		return err
	}
	document, err := serverkeys.Parse(d.Server, e.object)
	if err != nil {
		return fmt.Errorf("reading the document that was refused: %w", err)
	}
	if err := forgetServer(ctx, tx, d.Server); err != nil {
		return fmt.Errorf("forgetting a server: %w", err)
	}
	o := observation{Document: document, hash: hashOf(document.JSON), now: e.Seen}
	if err := d.record(ctx, tx, e, o, now); err != nil {
		return err
	}
	n, err := appendRecord(ctx, tx, serverKeys, d.Server, now, func(env envelope) any {
		return keysRecord{envelope: env, Keys: o.JSON, SHA256: text(o.hash), Seen: seen{o.now.UnixMilli()}}
	})
	if err != nil {
		return err
	}
	return o.keep(ctx, tx, known{}, verdict{opinion: trusted}, n)
}

// evidence is the newest document that was refused because of the key.
func (d Decision) evidence(ctx context.Context, tx *store.Tx) (newest evidence, err error) {
	all, err := selectConflicts(ctx, tx, d.Server)
	if err != nil {
		return evidence{}, fmt.Errorf("reading conflicts: %w", err)
	}
	for _, e := range all {
		if e.KeyID == d.KeyID && e.Refused.Equal(d.Key) && !e.Refused.Equal(e.Known) {
			newest = e
		}
	}
	if newest.object == nil {
		return evidence{}, ErrNoConflict
	}
	return newest, nil
}

// decisionRecord says that a key id stands for other octets than before, because the operator
// of the log says so.
type decisionRecord struct {
	envelope
	KeyID  matrix.KeyID `json:"key_id"`
	Was    string       `json:"was"`    // unpadded base64
	Is     string       `json:"is"`     // unpadded base64
	SHA256 string       `json:"sha256"` // of the document that counts from now on
	Reason string       `json:"reason"`
	TS     int64        `json:"ts"` // milliseconds
}

func (d Decision) record(ctx context.Context, tx *store.Tx, e evidence, o observation, now time.Time) error {
	_, err := appendRecord(ctx, tx, decision, d.Server, now, func(env envelope) any {
		return decisionRecord{envelope: env, KeyID: d.KeyID, Was: matrix.EncodeBase64(e.Known), Is: matrix.EncodeBase64(d.Key), SHA256: text(o.hash),
			Reason: d.Reason, TS: now.UnixMilli()}
	})
	if err != nil {
		return fmt.Errorf("recording a decision: %w", err)
	}
	return nil
}

// evidence is a Conflict with the document that was refused.
type evidence struct {
	Conflict
	object []byte
}

// parseEvidence reads a record of a contradiction.
func parseEvidence(record []byte) (e evidence, err error) {
	var r conflictRecord
	if err := json.Unmarshal(record, &r); err != nil {
		return evidence{}, fmt.Errorf("reading a record: %w", err)
	}
	d, err := serverkeys.Parse(r.ServerName, r.Keys)
	if err != nil {
		return evidence{}, fmt.Errorf("reading a document in a record: %w", err)
	}
	e.object = r.Keys
	e.Conflict = Conflict{Server: r.ServerName, KeyID: r.KeyID, Refused: published(d)[r.KeyID], Seen: time.UnixMilli(r.Seen.MS)}
	return e, nil
}

func validReason(s string) bool {
	return strings.TrimSpace(s) != "" && utf8.RuneCountInString(s) <= maxReason && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
