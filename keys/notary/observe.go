package notary

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/matrix"
	"signet/internal/serverkeys"
	"signet/internal/store"
)

// maxConflicts bounds what one server can have recorded of its contradictions.
const maxConflicts = 16

// errConflict is the error of a document that gives a key id other octets than before.
var errConflict = errors.New("a key id has other octets than before")

// errTooManyKeys is the error of a document whose keys are more than one server can have.
var errTooManyKeys = errors.New("the server has had too many keys")

// observed is what came of a fetch.
type observed struct {
	opinion opinion
	n       int64 // of the object; 0 if it was refused
	dropped bool  // it is evidence that is not recorded, since there is enough
}

// observation is a document that a server has just sent.
type observation struct {
	serverkeys.Document
	hash []byte
	now  time.Time
}

// observe writes down what a server has sent, and its record, in one transaction. Errors:
// entry.ErrObject for a document that cannot be an entry of the log, errTooManyKeys.
func (n *Notary) observe(ctx context.Context, d serverkeys.Document) (out observed, err error) {
	o := observation{Document: d, hash: hashOf(d.JSON), now: n.Now()}
	err = n.DB.Tx(ctx, func(tx *store.Tx) (err error) {
		out, err = n.take(ctx, tx, o)
		return err
	})
	if err != nil {
		return observed{}, fmt.Errorf("storing the keys of %q: %w", d.Server, err)
	}
	return out, nil
}

func (n *Notary) take(ctx context.Context, tx *store.Tx, o observation) (observed, error) {
	k, err := selectKnown(ctx, tx, o.Server)
	if err != nil {
		return observed{}, err
	}
	waiting, err := waiting(ctx, tx, o.Server, k)
	if err != nil {
		return observed{}, err
	}
	number, believed, err := selectNumber(ctx, tx, o.Server, o.hash)
	if err != nil {
		return observed{}, err
	}
	v := k.judge(o.Document, waiting, n.HoldDown, o.now)
	switch {
	case believed: // once more what is known
		return observed{opinion: repeated, n: number}, o.again(ctx, tx, k, number)
	case v.opinion == conflicting:
		dropped, err := o.refuse(ctx, tx, k, v.at)
		return observed{opinion: conflicting, dropped: dropped}, err
	case v.opinion != held && k.overflows(o.Document):
		return observed{}, errTooManyKeys
	case number == 0:
		if number, err = o.record(ctx, tx, v); err != nil {
			return observed{}, err
		}
	}
	return observed{opinion: v.opinion, n: number}, o.keep(ctx, tx, k, v, number)
}

// waiting is the keys that are held.
func waiting(ctx context.Context, tx *store.Tx, server matrix.ServerName, k known) (map[matrix.KeyID]ed25519.PublicKey, error) {
	if k.held == 0 {
		return nil, nil
	}
	record, _, err := selectRecord(ctx, tx, serverKeys, server, k.held)
	if err != nil {
		return nil, err
	}
	object, err := objectIn(record)
	if err != nil {
		return nil, err
	}
	d, err := serverkeys.Parse(server, object)
	return d.Verify, err
}

// objectIn is the signed document in a record.
func objectIn(record []byte) ([]byte, error) {
	var r keysRecord
	if err := json.Unmarshal(record, &r); err != nil {
		return nil, fmt.Errorf("reading a record: %w", err)
	}
	return r.Keys, nil
}

// again notes that an object that is known was seen once more. The keys that count are still
// in use, so those that were held are not the server's.
func (o observation) again(ctx context.Context, tx *store.Tx, k known, n int64) error {
	seen := object{n: n, until: validity(o.Document, o.now), fetched: o.now}
	if o.now.Before(seen.until) {
		k.held, k.due = 0, time.Time{}
	}
	k.asked = o.now
	if err := upsertObject(ctx, tx, o.Server, seen, o.hash, true); err != nil {
		return err
	}
	return upsertServer(ctx, tx, o.Server, k)
}

// refuse records a contradiction, once for the same octets. It is dropped where the server has had
// as many recorded as it can.
func (o observation) refuse(ctx context.Context, tx *store.Tx, k known, at matrix.KeyID) (dropped bool, err error) {
	public := published(o.Document)[at]
	first, err := insertConflict(ctx, tx, o.Server, at, public, maxConflicts)
	if err != nil {
		return false, err
	}
	if !first {
		recorded, err := hasConflict(ctx, tx, o.Server, at, public)
		return !recorded, err
	}
	before, err := selectHash(ctx, tx, o.Server, k.keys[at].n)
	if err != nil {
		return false, err
	}
	_, err = appendRecord(ctx, tx, conflict, o.Server, o.now, func(e envelope) any {
		return conflictRecord{envelope: e, Keys: o.JSON, SHA256: text(o.hash), Seen: seen{o.now.UnixMilli()}, KeyID: at, Known: text(before)}
	})
	return false, err
}

// record writes the record of a new object.
func (o observation) record(ctx context.Context, tx *store.Tx, v verdict) (int64, error) {
	return appendRecord(ctx, tx, serverKeys, o.Server, o.now, func(e envelope) any {
		return keysRecord{envelope: e, Keys: o.JSON, SHA256: text(o.hash), Seen: seen{o.now.UnixMilli()}, HeldUntil: store.Millis(v.due)}
	})
}

// keep writes down an object and what it changes.
func (o observation) keep(ctx context.Context, tx *store.Tx, k known, v verdict, n int64) error {
	this := object{n: n, until: validity(o.Document, o.now), fetched: o.now}
	if err := upsertObject(ctx, tx, o.Server, this, o.hash, v.opinion != held); err != nil {
		return err
	}
	if v.opinion != held {
		if err := o.keepKeys(ctx, tx, k.after(o.Document, n, v.opinion, o.now)); err != nil {
			return err
		}
	}
	k.asked = o.now
	switch v.opinion {
	case held:
		k.held, k.due = n, v.due
	case trusted:
		k.current, k.held, k.due = this, 0, time.Time{}
	case outlived:
		if o.now.Before(this.until) {
			k.held, k.due = 0, time.Time{}
		}
	}
	return upsertServer(ctx, tx, o.Server, k)
}

func (o observation) keepKeys(ctx context.Context, tx *store.Tx, keys map[matrix.KeyID]key) error {
	for id, k := range keys {
		kept, err := upsertKey(ctx, tx, o.Server, id, k)
		if err != nil {
			return err
		}
		if !kept {
			return fmt.Errorf("%w: %s", errConflict, id)
		}
	}
	return nil
}
