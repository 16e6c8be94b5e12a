package people

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
	"signet/internal/quota"
	"signet/internal/store"
	"signet/keys/entry"
	"signet/keys/value"
	"signet/verify"
)

var (
	// ErrVersion is the error of a value that is not the next version of its label: another
	// was faster, or the client did not know of the newest.
	ErrVersion = errors.New("the value is not the next version of its label")
	// ErrNoKeys is the error of a revocation where there are no keys.
	ErrNoKeys = errors.New("there are no keys to be revoked")
	// ErrNoRecovery is the error of an objection to nothing.
	ErrNoRecovery = errors.New("no recovery is waiting, so there is nothing to object to")
	// ErrHeldDown is the error of a proof of keys that wait, for their owner to object.
	ErrHeldDown = errors.New("the keys wait until their owner has had time to object")
)

// skew is how far ahead a client's clock may be.
const skew = 5 * time.Minute

// Ticket promises that a value will be a version of a label.
type Ticket struct {
	Label   entry.Label
	Version uint32
	Hash    [sha256.Size]byte // of the value's JSON, as the next version names it
	// Due is until when a recovery waits: unless its owner objects, it becomes a version
	// then. It is zero for all else, which is in the log at once.
	Due time.Time
}

// Promise is the signed value.Ticket of a Ticket that is not held down. It is kept in a moment,
// unless the server is down.
func (p *People) Promise(ctx context.Context, t Ticket) ([]byte, error) {
	now := p.Now()
	signed, err := p.Signer.Sign(ctx, value.NewTicket(t.Label, t.Version, t.Hash, now, now.Add(value.MaxMergeDelay)))
	if err != nil {
		return nil, fmt.Errorf("signing a ticket: %w", err)
	}
	return signed, nil
}

// change is a value on its way to be a version.
type change struct {
	*value.User
	tag     tag
	how     value.How
	session string
	json    []byte             // as it stands in the directory
	held    *quota.Reservation // what it costs; nil for nothing
}

// Publish makes a value the next version of the proven label: keys, or their revocation. The
// value is what the client signed (keys/value). The same again by the same proof, or by a
// homeserver, answers the same and costs nothing: its first answer may have been lost. Errors: value.ErrValue,
// value.ErrSignature, value.ErrPrevious, value.ErrNotYet, value.ErrExpired, ErrRight,
// ErrVersion, ErrNoKeys, verify.ErrSpent, quota.Exhausted.
func (p *People) Publish(ctx context.Context, r Right, object []byte) (Ticket, error) {
	u, err := p.parse(object)
	if err != nil {
		return Ticket{}, err
	}
	if u.Label != r.label || !slices.Contains(r.users, u.MXID) {
		return Ticket{}, ErrRight
	}
	c, err := p.complete(ctx, u, r.how(u), r.session())
	if err != nil {
		return Ticket{}, err
	}
	if c.held, err = p.reserve(ctx, r.by, u); err != nil {
		return Ticket{}, err
	}
	defer c.held.Release()
	var first bool
	ticket, err := p.write(ctx, func(tx *store.Tx) (t Ticket, err error) {
		if first, err = p.first(ctx, tx, r, c); err != nil {
			return Ticket{}, err
		}
		if !first {
			return p.publishedBefore(ctx, tx, c)
		}
		return p.put(ctx, tx, c)
	})
	if err == nil && first {
		c.held.Keep()
	}
	return ticket, err
}

// first tells whether a change is asked for the first time, and spends the proof of the right.
func (p *People) first(ctx context.Context, tx *store.Tx, r Right, c change) (bool, error) {
	if r.wished {
		return p.news(ctx, tx, c)
	}
	return p.spend(ctx, tx, r)
}

// spend uses up the proof of a right, if it has one.
func (p *People) spend(ctx context.Context, tx *store.Tx, r Right) (first bool, err error) {
	if r.proof == nil {
		return true, nil
	}
	return p.Proofs.Spend(ctx, tx, *r.proof)
}

// Revoke makes a revocation the next version of its label, by the signature of the current
// key alone. Errors as of Publish; ErrRight for what is no revocation or is not signed.
func (p *People) Revoke(ctx context.Context, object []byte) (Ticket, error) {
	return p.byKey(ctx, object, func(u *value.User) bool { return u.Revoked != "" }, func(*store.Tx, tag) error { return nil })
}

// Object puts a value in the place of a recovery that waits, by the signature of the current
// key alone: the owner's own keys, or their revocation. Errors as of Publish, ErrNoRecovery.
func (p *People) Object(ctx context.Context, object []byte) (Ticket, error) {
	return p.byKey(ctx, object, func(*value.User) bool { return true }, func(tx *store.Tx, t tag) error {
		_, err := selectRecovery(ctx, tx, t)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNoRecovery
		}
		return err
	})
}

// byKey makes a change for whoever holds the newest keys. That they do is checked before
// anything else is verified, signed or written, since anybody can ask; and again with the
// write.
func (p *People) byKey(ctx context.Context, object []byte, may func(*value.User) bool, allowed func(*store.Tx, tag) error) (Ticket, error) {
	u, err := value.ParseUser(object)
	if err != nil {
		return Ticket{}, err
	}
	if !u.SignedByPrevious() || !may(u) {
		return Ticket{}, ErrRight
	}
	if err := p.checkKey(ctx, change{User: u, tag: p.tagOf(u.Label)}); err != nil {
		return Ticket{}, err
	}
	if err := p.check(u); err != nil {
		return Ticket{}, err
	}
	c, err := p.complete(ctx, u, value.ByPreviousKey, "")
	if err != nil {
		return Ticket{}, err
	}
	return p.write(ctx, func(tx *store.Tx) (Ticket, error) {
		if err := allowed(tx, c.tag); err != nil {
			return Ticket{}, err
		}
		if err := p.sameUser(ctx, tx, c); err != nil {
			return Ticket{}, err
		}
		return p.put(ctx, tx, c)
	})
}

// checkKey tells whether a change is one that the newest keys have signed, as things are now.
// Anybody can ask, without an account: who shows no key of the version before theirs is not told
// whether the label has any, whose they are, or how often they have changed.
func (p *People) checkKey(ctx context.Context, c change) error {
	before, err := p.before(ctx, p.DB, c)
	if err != nil {
		return err
	}
	if before == nil {
		return fmt.Errorf("%w: there are no keys before it", value.ErrSignature)
	}
	if err := c.CheckPreviousKeys(before.Keys); err != nil {
		return err
	}
	if err := p.sameUser(ctx, p.DB, c); err != nil {
		return err
	}
	return p.follows(ctx, p.DB, c)
}

// sameUser tells whether there are keys before a change, and of the user whom it names.
func (p *People) sameUser(ctx context.Context, q store.Queryer, c change) error {
	before, err := p.newest(ctx, q, c.tag)
	if err == nil && (before == nil || c.MXID != before.MXID) {
		err = ErrRight
	}
	return err
}

// write makes a change in a transaction, and has it sealed soon.
func (p *People) write(ctx context.Context, do func(*store.Tx) (Ticket, error)) (ticket Ticket, err error) {
	err = p.DB.Tx(ctx, func(tx *store.Tx) (err error) {
		ticket, err = do(tx)
		return err
	})
	if err != nil {
		return Ticket{}, fmt.Errorf("publishing: %w", err)
	}
	p.tiles.Wake()
	return ticket, nil
}

// parse reads what a client has signed. Those who sent it own the keys.
func (p *People) parse(object []byte) (*value.User, error) {
	u, err := value.ParseUser(object)
	if err != nil {
		return nil, err
	}
	return u, p.check(u)
}

func (p *People) check(u *value.User) error {
	return errors.Join(u.CheckSelf(), u.ValidAt(p.Now(), skew))
}

// complete adds what the server says about a value, and its signature.
func (p *People) complete(ctx context.Context, u *value.User, how value.How, session string) (change, error) {
	object, err := u.WithAuth(value.Auth{How: how, TS: p.Now().UnixMilli()})
	if err != nil {
		return change{}, err
	}
	signed, err := p.Signer.Sign(ctx, jsontext.Value(object))
	if err != nil {
		return change{}, fmt.Errorf("signing a value: %w", err)
	}
	if _, err := value.ParseUser(signed); err != nil { // it may have become too long
		return change{}, err
	}
	return change{User: u, tag: p.tagOf(u.Label), how: how, session: session, json: signed}, nil
}

// put queues a change as the next version, or holds it down.
func (p *People) put(ctx context.Context, tx *store.Tx, c change) (Ticket, error) {
	if err := p.follows(ctx, tx, c); err != nil {
		return Ticket{}, err
	}
	if c.held != nil {
		if err := c.held.ChargeIn(ctx, tx); err != nil {
			return Ticket{}, err
		}
	}
	if c.how == value.ByRecovery {
		return p.hold(ctx, tx, c)
	}
	kind, err := p.kindOf(ctx, tx, c)
	if err != nil {
		return Ticket{}, err
	}
	return c.ticket(), p.queue(ctx, tx, c, kind)
}

// follows tells whether a change is what comes after the newest version.
func (p *People) follows(ctx context.Context, q store.Queryer, c change) error {
	row, err := selectLabel(ctx, q, c.tag)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("reading a label: %w", err)
	}
	if int64(c.Version) != row.next {
		return ErrVersion
	}
	before, err := p.newest(ctx, q, c.tag)
	switch {
	case err != nil:
		return err
	case c.Revoked != "" && (before == nil || len(before.Keys) == 0):
		return ErrNoKeys
	case before == nil && (c.Previous != nil || c.SignedByPrevious()):
		return fmt.Errorf("%w: there are no keys before it", value.ErrPrevious)
	case before == nil:
		return nil
	}
	return c.CheckPrevious(before)
}

// newest is what the newest version of a label holds; nil if there is none, or it was erased.
func (p *People) newest(ctx context.Context, q store.Queryer, t tag) (*value.User, error) {
	return p.userIn(selectNewest(ctx, q, t))
}

// before is what the greatest version before that of a change holds; nil as of newest.
func (p *People) before(ctx context.Context, q store.Queryer, c change) (*value.User, error) {
	return p.userIn(selectBefore(ctx, q, c.tag, c.Version))
}

// userIn is what a version holds that was read; nil if there is none, or it was erased.
func (p *People) userIn(v version, err error) (*value.User, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading a version: %w", err)
	}
	object, err := p.openValue(v)
	if err != nil || object == nil {
		return nil, err
	}
	parsed, err := value.Parse(object)
	u, _ := parsed.(*value.User)
	return u, err
}

// queue makes a change a pending version, in the place of any recovery that waits.
func (p *People) queue(ctx context.Context, tx *store.Tx, c change, kind EventKind) error {
	row, err := selectLabel(ctx, tx, c.tag)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("reading a label: %w", err)
	}
	named, err := p.named(ctx, tx, c)
	if err != nil {
		return err
	}
	queued := max(row.queued, p.Now().UnixMilli())
	v := version{tag: c.tag, number: c.Version, queued: queued, userTag: p.userTag(c.MXID), session: c.session, value: p.sealValue(c.json, c.tag, c.Version)}
	added, err := addVersion(ctx, tx, v)
	if err != nil {
		return fmt.Errorf("writing a version: %w", err)
	}
	if !added {
		return ErrVersion
	}
	l := label{tag: c.tag, sealed: p.sealLabel(c.Label, c.tag), next: int64(c.Version) + 1, queued: queued}
	if err := putLabels(ctx, tx, []label{l}); err != nil {
		return fmt.Errorf("writing a label: %w", err)
	}
	if err := deleteRecovery(ctx, tx, c.tag); err != nil {
		return fmt.Errorf("ending a recovery: %w", err)
	}
	return p.Told(ctx, tx, Event{Kind: kind, Label: c.Label, Version: c.Version, User: named})
}

// named is whom the owner of keys is told by: of a revocation that is whom the keys have named
// which it ends, since whoever has a session for a moment may name nobody in it.
func (p *People) named(ctx context.Context, tx *store.Tx, c change) (matrix.UserID, error) {
	if c.Revoked == "" {
		return c.MXID, nil
	}
	before, err := p.newest(ctx, tx, c.tag)
	if err != nil || before == nil {
		return c.MXID, err
	}
	return before.MXID, nil
}

func (p *People) kindOf(ctx context.Context, tx *store.Tx, c change) (EventKind, error) {
	_, err := selectRecovery(ctx, tx, c.tag)
	switch {
	case err == nil && c.how == value.ByPreviousKey:
		return Objected, nil
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return "", fmt.Errorf("reading a recovery: %w", err)
	case c.Revoked != "" && c.how == value.ByPreviousKey:
		return RevokedByKey, nil
	case c.Revoked != "":
		return Revoked, nil
	case c.Version == 0:
		return Published, nil
	}
	return Rotated, nil
}

func (c change) ticket() Ticket {
	return Ticket{Label: c.Label, Version: c.Version, Hash: sha256.Sum256(c.json)}
}

// news tells whether a change is another one than the newest version, and than the one that
// waits.
func (p *People) news(ctx context.Context, tx *store.Tx, c change) (bool, error) {
	t, err := p.publishedBefore(ctx, tx, c)
	if errors.Is(err, verify.ErrSpent) {
		return true, nil
	}
	if err != nil || !t.Due.IsZero() {
		return false, err
	}
	row, err := selectLabel(ctx, tx, c.tag)
	return int64(c.Version) != row.next-1, err
}

// publishedBefore is what was answered when a change was made before: verify.ErrSpent if another
// was in its place.
func (p *People) publishedBefore(ctx context.Context, tx *store.Tx, c change) (Ticket, error) {
	v, due, err := p.spentOn(ctx, tx, c)
	if errors.Is(err, sql.ErrNoRows) || err == nil && v.session != c.session {
		return Ticket{}, verify.ErrSpent
	}
	if err != nil {
		return Ticket{}, fmt.Errorf("reading what a proof was spent on: %w", err)
	}
	object, err := p.openValue(v)
	if err != nil {
		return Ticket{}, err
	}
	before, err := value.ParseUser(object)
	if err != nil {
		return Ticket{}, verify.ErrSpent // it was erased since
	}
	one, err := before.Signed()
	if err != nil {
		return Ticket{}, err
	}
	if other, err := c.Signed(); err != nil || string(one) != string(other) {
		return Ticket{}, verify.ErrSpent
	}
	return Ticket{Label: c.Label, Version: c.Version, Hash: sha256.Sum256(object), Due: due}, nil
}

// spentOn is the version, or the recovery, with the number of a change.
func (p *People) spentOn(ctx context.Context, tx *store.Tx, c change) (version, time.Time, error) {
	v, err := selectVersion(ctx, tx, c.tag, c.Version)
	if !errors.Is(err, sql.ErrNoRows) {
		return v, time.Time{}, err
	}
	r, err := selectRecovery(ctx, tx, c.tag)
	if err == nil && r.number != c.Version {
		err = sql.ErrNoRows
	}
	return r.version, store.Time(r.due), err
}
