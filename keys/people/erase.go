package people

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
	"signet/keys/entry"
	"signet/keys/value"
	"signet/verify"
)

// Erase queues a tombstone for each label of an address that has versions, and destroys what
// opens all before it. What is prepared to be logged meanwhile is made anew, whatever the address
// has: it may stand in changes of the feed that are not followed yet.
func (p *People) Erase(ctx context.Context, tx *store.Tx, a threepid.Address) error {
	if err := raiseErasures(ctx, tx); err != nil {
		return fmt.Errorf("counting an erasure: %w", err)
	}
	_, err := p.eraseLabels(ctx, tx, labelsOf(a))
	return err
}

// EraseUser is Erase of the user's own label and of each that last named the user. Of others,
// which name somebody else now, what named the user is destroyed.
func (p *People) EraseUser(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	if err := raiseErasures(ctx, tx); err != nil {
		return fmt.Errorf("counting an erasure: %w", err)
	}
	if _, err := p.eraseLabels(ctx, tx, labelsOfUser(user)); err != nil {
		return err
	}
	if err := deleteRecoveriesBy(ctx, tx, p.userTag(user)); err != nil {
		return fmt.Errorf("erasing recoveries: %w", err)
	}
	named, err := selectTagsBy(ctx, tx, p.userTag(user))
	if err != nil {
		return fmt.Errorf("reading the labels of a user: %w", err)
	}
	for _, t := range named {
		if err := p.eraseNamed(ctx, tx, t, p.userTag(user)); err != nil {
			return err
		}
	}
	return nil
}

// EraseKeys is Erase of the keys that a right is to, and of nothing else: who is bound to an
// address stays so. Their owner is told, unless there were none. The error is verify.ErrSpent for
// a proof that was used.
func (p *People) EraseKeys(ctx context.Context, r Right) error {
	var erased bool
	err := p.DB.Tx(ctx, func(tx *store.Tx) error {
		first, err := p.spend(ctx, tx, r)
		if err == nil && !first {
			err = verify.ErrSpent
		}
		if err != nil {
			return err
		}
		erased, err = p.eraseRight(ctx, tx, r)
		return err
	})
	if err != nil {
		return fmt.Errorf("erasing keys: %w", err)
	}
	if erased {
		p.tiles.Wake()
	}
	return nil
}

// eraseRight erases the keys that a right is to, and tells their owner: the user whom they have
// named, too.
func (p *People) eraseRight(ctx context.Context, tx *store.Tx, r Right) (erased bool, err error) {
	before, err := p.newest(ctx, tx, p.tagOf(r.label))
	if err != nil && !errors.Is(err, ErrDamaged) { // what cannot be read can be erased all the same
		return false, err
	}
	stones, err := p.eraseLabels(ctx, tx, []entry.Label{r.label})
	if err != nil || len(stones) == 0 {
		return false, err
	}
	e := Event{Kind: Erased, Label: r.label, Version: stones[0]}
	if before != nil {
		e.User = before.MXID
	}
	return true, p.Told(ctx, tx, e)
}

// eraseLabels erases those of some labels that have something, and returns the numbers of their
// tombstones.
func (p *People) eraseLabels(ctx context.Context, tx *store.Tx, labels []entry.Label) (stones []uint32, err error) {
	for _, l := range labels {
		t := p.tagOf(l)
		row, err := selectLabel(ctx, tx, t)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err == nil && row.erased() { // but new keys may wait
			err = deleteRecovery(ctx, tx, t)
		}
		if err != nil {
			return nil, fmt.Errorf("reading a label: %w", err)
		}
		if row.erased() {
			continue
		}
		if err := p.bury(ctx, tx, l, &row); err != nil {
			return nil, err
		}
		stones = append(stones, uint32(row.next-1))
	}
	return stones, nil
}

// eraseNamed erases a label that names the user, or has.
func (p *People) eraseNamed(ctx context.Context, tx *store.Tx, t tag, userTag []byte) error {
	row, err := selectLabel(ctx, tx, t)
	if err != nil {
		return fmt.Errorf("reading a label: %w", err)
	}
	l, err := p.openLabel(row.sealed, t)
	if err != nil {
		return err
	}
	newest, err := selectNewest(ctx, tx, t)
	if err != nil {
		return fmt.Errorf("reading the newest version: %w", err)
	}
	if string(newest.userTag) == string(userTag) {
		return p.bury(ctx, tx, l, &row)
	}
	if _, err := p.replacePending(ctx, tx, l, row, userTag); err != nil {
		return err
	}
	if err := destroyVersions(ctx, tx, t, userTag); err != nil {
		return fmt.Errorf("destroying what named a user: %w", err)
	}
	return nil
}

// bury makes a tombstone the newest version of a label, and destroys the others. It is counted
// here, and not where nothing is erased: each erasure undoes what is being prepared, so whoever
// has nothing could keep the log from everybody.
func (p *People) bury(ctx context.Context, tx *store.Tx, l entry.Label, row *label) error {
	if err := raiseErasures(ctx, tx); err != nil {
		return fmt.Errorf("counting an erasure: %w", err)
	}
	if err := deleteRecovery(ctx, tx, row.tag); err != nil {
		return fmt.Errorf("erasing a recovery: %w", err)
	}
	replaced, err := p.replacePending(ctx, tx, l, *row, nil)
	if err != nil {
		return err
	}
	if err := destroyVersions(ctx, tx, row.tag, nil); err != nil {
		return fmt.Errorf("destroying versions: %w", err)
	}
	if replaced == 0 {
		row.queued = max(row.queued, p.Now().UnixMilli())
		stone, err := p.tombstone(l, uint32(row.next), row.queued)
		if err != nil {
			return err
		}
		if _, err := addVersion(ctx, tx, stone); err != nil {
			return fmt.Errorf("writing a tombstone: %w", err)
		}
		row.next++
	}
	if err := addErased(ctx, tx, row.tag); err != nil {
		return fmt.Errorf("listing an erased label: %w", err)
	}
	row.sealed = []byte{}
	if err := putLabels(ctx, tx, []label{*row}); err != nil {
		return fmt.Errorf("writing an erased label: %w", err)
	}
	return nil
}

// replacePending puts tombstones into the places of versions that are numbered and not logged
// yet, all or those of a user: a number that was given is never left out.
func (p *People) replacePending(ctx context.Context, tx *store.Tx, l entry.Label, row label, userTag []byte) (replaced int, err error) {
	waiting, err := selectWaiting(ctx, tx, row.tag)
	if err != nil {
		return 0, fmt.Errorf("reading what is pending of a label: %w", err)
	}
	for _, v := range waiting {
		if userTag != nil && string(v.userTag) != string(userTag) {
			continue
		}
		stone, err := p.tombstone(l, v.number, v.queued)
		if err != nil {
			return 0, err
		}
		if err := replaceVersion(ctx, tx, stone); err != nil {
			return 0, fmt.Errorf("putting a tombstone in a place: %w", err)
		}
		replaced++
	}
	return replaced, nil
}

// tombstone is a pending version that says that the label was erased. Its entry is made now,
// since nobody knows the label later. Its opening stays: it opens nothing about anybody to
// who does not know the label.
func (p *People) tombstone(l entry.Label, number uint32, queued int64) (version, error) {
	stone, err := value.NewTombstone(number, p.Now())
	if err != nil {
		return version{}, fmt.Errorf("making a tombstone: %w", err)
	}
	opening, err := entry.NewOpening(p.Rand)
	if err != nil {
		return version{}, err
	}
	t := p.tagOf(l)
	return version{tag: t, number: number, queued: queued, userTag: []byte{}, prepared: p.insert(l, number, opening, stone.JSON()),
		opening: p.sealOpening(opening, t, number), value: p.sealValue(stone.JSON(), t, number)}, nil
}
