package people

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
	"signet/internal/threepid"
	"signet/keys/entry"
	"signet/keys/value"
)

// HeldVersion is a version of a label, as a document for whom it is about.
type HeldVersion struct {
	Label    string         `json:"label"`
	Version  uint32         `json:"version"`
	Position int64          `json:"position,omitzero"` // in the log; none: it waits
	At       int64          `json:"at_ts,omitzero"`    // milliseconds since 1970
	Due      int64          `json:"due_ts,omitzero"`   // of a recovery that waits, which has no At
	Value    jsontext.Value `json:"value"`             // null if it was erased
}

// Held is what is held about the labels of an address.
func (p *People) Held(ctx context.Context, a threepid.Address) (any, error) {
	return p.heldUnder(ctx, labelsOf(a))
}

// HeldBy is what is held about a user: the user's own label, whomever its versions name, and what
// names the user elsewhere.
func (p *People) HeldBy(ctx context.Context, user matrix.UserID) (any, error) {
	own := labelsOfUser(user)
	held, err := p.heldUnder(ctx, own)
	if err != nil {
		return nil, err
	}
	if held, err = p.appendNaming(ctx, held, user, own); err != nil {
		return nil, err
	}
	waiting, err := selectRecoveriesBy(ctx, p.DB, p.userTag(user))
	if err != nil {
		return nil, fmt.Errorf("reading the recoveries that name a user: %w", err)
	}
	for _, r := range waiting {
		l, err := p.openLabel(r.labelSealed, r.tag)
		if err != nil {
			return nil, err
		}
		if slices.Contains(own, l) {
			continue
		}
		if held, err = p.appendWaiting(held, l, r); err != nil {
			return nil, err
		}
	}
	return held, nil
}

// heldUnder is all that is held under some labels.
func (p *People) heldUnder(ctx context.Context, labels []entry.Label) ([]HeldVersion, error) {
	held := []HeldVersion{}
	for _, l := range labels {
		versions, err := selectHistory(ctx, p.DB, p.tagOf(l))
		if err != nil {
			return nil, fmt.Errorf("reading the versions of a label: %w", err)
		}
		if held, err = p.appendHeld(held, l, versions); err != nil {
			return nil, err
		}
		r, err := selectRecovery(ctx, p.DB, p.tagOf(l))
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading a recovery: %w", err)
		}
		if held, err = p.appendWaiting(held, l, r); err != nil {
			return nil, err
		}
	}
	return held, nil
}

// appendNaming appends the versions that name a user, but for those of some labels.
func (p *People) appendNaming(ctx context.Context, held []HeldVersion, user matrix.UserID, but []entry.Label) ([]HeldVersion, error) {
	named, err := selectVersionsBy(ctx, p.DB, p.userTag(user))
	if err != nil {
		return nil, fmt.Errorf("reading what names a user: %w", err)
	}
	for _, v := range named {
		row, err := selectLabel(ctx, p.DB, v.tag)
		if err != nil {
			return nil, fmt.Errorf("reading a label: %w", err)
		}
		l, err := p.openLabel(row.sealed, v.tag)
		if err != nil {
			return nil, err
		}
		if slices.Contains(but, l) {
			continue
		}
		if held, err = p.appendHeld(held, l, []version{v}); err != nil {
			return nil, err
		}
	}
	return held, nil
}

// appendWaiting appends the recovery of a label.
func (p *People) appendWaiting(held []HeldVersion, l entry.Label, r recovery) ([]HeldVersion, error) {
	held, err := p.appendHeld(held, l, []version{r.version})
	if err == nil {
		held[len(held)-1].Due = r.due
	}
	return held, err
}

// Forgotten tells whether what was published for a label, from a version on, was erased.
func (p *People) Forgotten(ctx context.Context, l entry.Label, from uint32) (bool, error) {
	versions, err := selectHistory(ctx, p.DB, p.tagOf(l))
	if err != nil {
		return false, fmt.Errorf("reading the versions of a label: %w", err)
	}
	for _, v := range versions {
		if v.number < from {
			continue
		}
		object, err := p.openValue(v)
		if err != nil || object == nil {
			return err == nil, err
		}
		is, err := value.Parse(object)
		if err != nil {
			return false, fmt.Errorf("reading a version: %w", err)
		}
		if _, erased := is.(*value.Tombstone); erased {
			return true, nil
		}
	}
	return false, nil
}

func (p *People) appendHeld(held []HeldVersion, l entry.Label, versions []version) ([]HeldVersion, error) {
	for _, v := range versions {
		value, err := p.openValue(v)
		if err != nil {
			return nil, err
		}
		h := HeldVersion{Label: l.String(), Version: v.number, Position: v.position, At: v.queued, Value: value}
		if value == nil {
			h.Value = jsontext.Value("null")
		}
		held = append(held, h)
	}
	return held, nil
}
