package people

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"signet/internal/seal"
	"signet/internal/store"
	"signet/keys/entry"
	"signet/keys/value"
	"signet/verify"
)

// recovery is a row of people_recoveries: a version that waits until nobody may object.
type recovery struct {
	version
	labelSealed []byte
	due         int64 // milliseconds since 1970
}

// hold has a change wait, in the place of another that did.
func (p *People) hold(ctx context.Context, tx *store.Tx, c change) (Ticket, error) {
	due := p.Now().Add(p.HoldDown)
	r := recovery{version: version{tag: c.tag, number: c.Version, userTag: p.userTag(c.MXID), session: c.session, value: p.sealValue(c.json, c.tag, c.Version)},
		labelSealed: p.sealLabel(c.Label, c.tag), due: due.UnixMilli()}
	if err := putRecovery(ctx, tx, r); err != nil {
		return Ticket{}, fmt.Errorf("writing a recovery: %w", err)
	}
	t := c.ticket()
	t.Due = store.Time(r.due)
	return t, p.tellRecovering(ctx, tx, t)
}

// tellRecovering names whom the keys before have named: the new ones may be a thief's, and so
// may be a revocation before them.
func (p *People) tellRecovering(ctx context.Context, tx *store.Tx, t Ticket) error {
	e := Event{Kind: Recovering, Label: t.Label, Version: t.Version, Due: t.Due}
	before, err := p.newest(ctx, tx, p.tagOf(t.Label))
	if err == nil && !inForce(before) {
		e.Kind = Returning
	}
	if err == nil && before != nil && before.Revoked != "" {
		before, err = p.revokedBy(ctx, tx, before)
	}
	if err != nil {
		return err
	}
	if before != nil {
		e.User = before.MXID
	}
	return p.Told(ctx, tx, e)
}

// inForce tells whether there are keys that could object to what comes after them.
func inForce(newest *value.User) bool { return newest != nil && len(newest.Keys) > 0 }

// revokedBy is the keys that a revocation has ended, which come right before it; nil if they
// were erased.
func (p *People) revokedBy(ctx context.Context, q store.Queryer, revocation *value.User) (*value.User, error) {
	v, err := selectVersion(ctx, q, p.tagOf(revocation.Label), revocation.Version-1)
	return p.userIn(v, err)
}

// Discard ends the recovery of the proven address that waits, for whoever holds the address
// now; nothing of it was logged. Who can do that could have put another in its place. Errors:
// verify.ErrOtherPurpose unless control was shown on the owner's page, ErrNoRecovery.
func (p *People) Discard(ctx context.Context, proof verify.Proof) error {
	if err := proof.For(verify.Manage); err != nil {
		return err
	}
	l, err := entry.AddressLabel(proof.Address())
	if err != nil {
		return err
	}
	err = p.DB.Tx(ctx, func(tx *store.Tx) error { return p.discard(ctx, tx, l) })
	if err != nil {
		return fmt.Errorf("discarding a recovery: %w", err)
	}
	return nil
}

func (p *People) discard(ctx context.Context, tx *store.Tx, l entry.Label) error {
	r, err := selectRecovery(ctx, tx, p.tagOf(l))
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNoRecovery
	}
	if err != nil {
		return err
	}
	if err := deleteRecovery(ctx, tx, r.tag); err != nil {
		return err
	}
	return p.Told(ctx, tx, Event{Kind: Objected, Label: l, Version: r.number})
}

// Recovery is keys that wait until somebody has had time to object.
type Recovery struct {
	Version uint32
	Due     time.Time
	Value   *value.User // the keys; nil if they cannot be read
	// Replaces says that there are keys now, whose owner can object with the old one.
	Replaces bool
}

// Waiting is the recovery of a label that waits, for its owner; nil if there is none.
func (p *People) Waiting(ctx context.Context, l entry.Label) (*Recovery, error) {
	r, err := selectRecovery(ctx, p.DB, p.tagOf(l))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading a recovery: %w", err)
	}
	waits := &Recovery{Version: r.number, Due: store.Time(r.due)}
	if waits.Value, err = p.userIn(r.version, nil); err != nil && !errors.Is(err, ErrDamaged) {
		return nil, err
	}
	before, err := p.newest(ctx, p.DB, r.tag)
	if err != nil && !errors.Is(err, ErrDamaged) {
		return nil, err
	}
	waits.Replaces = inForce(before)
	return waits, nil
}

// endHoldDowns makes versions of recoveries to which nobody has objected in time, but for those
// that cannot be read.
func (p *People) endHoldDowns(ctx context.Context, limit int) error {
	p.unrecovered.retry(p.Now())
	due, err := selectDue(ctx, p.DB, p.Now().UnixMilli(), limit+maxAside)
	if err != nil {
		return err
	}
	for _, t := range due {
		if p.unrecovered.has(t) {
			continue
		}
		err := p.DB.Tx(ctx, func(tx *store.Tx) error { return p.recover(ctx, tx, t) })
		if errors.Is(err, ErrDamaged) || errors.Is(err, seal.ErrOpen) { // what is sealed may be another's, who is told
			err = p.unrecovered.add(t, 0, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// recover makes a recovery a version, unless something else became of it meanwhile.
func (p *People) recover(ctx context.Context, tx *store.Tx, t tag) error {
	r, err := selectRecovery(ctx, tx, t)
	if errors.Is(err, sql.ErrNoRows) || err == nil && r.due > p.Now().UnixMilli() {
		return nil
	}
	if err != nil {
		return err
	}
	object, err := p.openValue(r.version)
	if err != nil {
		return err
	}
	u, err := value.ParseUser(object)
	if err != nil {
		return fmt.Errorf("%w: reading a recovery: %w", ErrDamaged, err)
	}
	c, err := p.signedAnew(ctx, change{User: u, tag: t, how: value.ByRecovery, session: r.session, json: object})
	if err != nil {
		return fmt.Errorf("signing a recovery: %w", err)
	}
	kind := Recovered
	if before, err := p.newest(ctx, tx, t); err != nil {
		return err
	} else if !inForce(before) {
		kind = Returned
	}
	return p.queue(ctx, tx, c, kind)
}
