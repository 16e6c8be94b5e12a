package proof

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"signet/keys/entry"
	"signet/keys/ladder"
	"signet/keys/prefixtree"
	"signet/keys/value"
)

// Past is what a History has shown, or a page of one. Values has an element a version, nil for
// one that was erased, and so has Positions: where it stands in the log, 0 for one without a
// Place.
type Past struct {
	Label     entry.Label
	Head      tlog.Tree
	Sealed    time.Time // of the Head
	From      uint32    // the version of the first of Values
	More      bool      // there are later versions, on the next page
	Values    []value.Value
	Positions []int64
	// Revoked are the versions that the server has signed by a key which was revoked since, and
	// that were in the log before.
	Revoked []uint32
	Held    []Line
}

// ErrPage is the error of a page of a history that is not the one that was asked for, or leaves
// a gap to the next.
var ErrPage = errors.New("the page of the history is not the one that comes next")

// VerifyHistory tells whether a History holds, or a page of one: the steps of Verify, for each
// version. Of Asked, it takes Label, Head, From and Previous, and on the last page Version.
// Values need not be in force any more. What one page cannot show is what is on the others, as
// Pages does. Errors: ErrPolicy and *Failed.
func VerifyHistory(h *History, asked Asked, p Policy, now time.Time) (Past, error) {
	return verifyPage(h, asked, p, now, 0)
}

// verifyPage is VerifyHistory of a page whose entries come after a position.
func verifyPage(h *History, asked Asked, p Policy, now time.Time, after int64) (Past, error) {
	p, err := p.whole()
	if err != nil {
		return Past{}, err
	}
	v := &pastVerification{history: h, after: after, anchored: anchored{policy: p, anchor: h.Anchor, asked: asked, now: now}}
	held, err := run(append(v.checks(), check{StepLadder, v.ladder}, check{StepOpening, v.open}, check{StepSignatures, v.signatures}))
	if err != nil {
		return Past{}, err
	}
	return Past{Label: v.label, Head: v.checkpoint.Tree, Sealed: time.UnixMilli(v.epoch.Time), From: h.From, More: h.Next != 0,
		Values: v.values, Positions: v.positions, Revoked: v.revoked, Held: held}, nil
}

// pastVerification is one run of VerifyHistory, with what its steps come to.
type pastVerification struct {
	history *History
	after   int64 // the greatest position of a page before; 0 for none
	anchored

	commitments []entry.Commitment
	positions   []int64
	values      []value.Value
	revoked     []uint32
}

// ladder holds that each version is there, and that those beyond the last page are not.
func (v *pastVerification) ladder() (string, error) {
	h := v.history
	if err := v.claim(); err != nil {
		return "", err
	}
	for _, version := range h.Versions {
		e, err := v.climb(version.Rung)
		if err != nil {
			return "", err
		}
		if err := v.comesAfter(e, version.Place); err != nil {
			return "", fmt.Errorf("version %d: %w", version.Version, err)
		}
		v.commitments = append(v.commitments, e.Commitment)
	}
	for _, r := range h.Beyond {
		if _, err := v.climb(r); err != nil {
			return "", err
		}
	}
	switch {
	case h.Next != 0:
		return fmt.Sprintf("versions %d to %d of the label%s; the rest is on the next page", h.From, h.Next-1, v.entries()), nil
	case h.From > 0:
		return fmt.Sprintf("versions %d to %d of the label%s, and no later one", h.From, h.versions()-1, v.entries()), nil
	}
	return fmt.Sprintf("the label has %d versions%s, and no later one", len(h.Versions), v.entries()), nil
}

// comesAfter holds an entry against its place, if that is given, and those before it.
func (v *pastVerification) comesAfter(e entry.Insert, p *Place) error {
	if p != nil && p.Position <= v.after {
		return fmt.Errorf("%w: entry %d is not after those of the versions before it", ErrPlace, p.Position)
	}
	position, err := v.stands(e, p)
	v.positions, v.after = append(v.positions, position), max(v.after, position)
	return err
}

// entries says for people which entries the versions are, as far as that was shown.
func (v *pastVerification) entries() string {
	var all []string
	for _, p := range v.positions {
		if p > 0 {
			all = append(all, strconv.FormatInt(p, 10))
		}
	}
	if len(all) == 0 {
		return ""
	}
	return ", entries " + strings.Join(all, ", ") + " of the log"
}

// claim holds the page against the one that was asked for, and its versions against their
// numbers.
func (v *pastVerification) claim() error {
	h, seen := v.history, v.asked.Version
	switch {
	case h.From != v.asked.From:
		return fmt.Errorf("%w: it begins with version %d, not %d", ErrPage, h.From, v.asked.From)
	case len(h.Versions) == 0 && (h.From > 0 || h.Next != 0):
		return fmt.Errorf("%w: it has no version", ErrPage)
	case h.Next != 0 && int64(h.Next) != h.versions():
		return fmt.Errorf("%w: it ends before version %d, and the next begins with %d", ErrPage, h.versions(), h.Next)
	case h.Next == 0 && seen != nil && h.versions() <= int64(*seen):
		return fmt.Errorf("%w: %d", ErrOlder, *seen)
	}
	for i, version := range h.Versions {
		if number := int64(h.From) + int64(i); int64(version.Version) != number || version.Map.Kind != prefixtree.Inclusion {
			return fmt.Errorf("%w: version %d is not there", ladder.ErrRungs, number)
		}
	}
	if h.Next == 0 {
		return checkBeyond(h.Beyond, h.versions())
	}
	if len(h.Beyond) > 0 {
		return fmt.Errorf("%w: it has rungs beyond, and is not the last", ErrPage)
	}
	return nil
}

func (v *pastVerification) open() (string, error) {
	erased := 0
	for i, version := range v.history.Versions {
		if version.Erased {
			if version.Opening != nil || len(version.Value) > 0 {
				return "", fmt.Errorf("version %d: %w", version.Version, ErrUnasked)
			}
			v.values, erased = append(v.values, nil), erased+1
			continue
		}
		opened, err := openValue(v.label, version.Version, v.commitments[i], version.Opening, version.Value)
		if err != nil {
			return "", fmt.Errorf("version %d: %w", version.Version, err)
		}
		v.values = append(v.values, opened)
	}
	return fmt.Sprintf("the commitments in the map open to %d values; %d were erased", len(v.values)-erased, erased), nil
}

func (v *pastVerification) signatures() (string, error) {
	var before *value.User
	if v.history.From > 0 {
		before = v.asked.Previous
	}
	for i, now := range v.values {
		number := int64(v.history.From) + int64(i)
		user, _ := now.(*value.User)
		if now != nil {
			revoked, err := v.vouched(now, v.positions[i])
			if err != nil {
				return "", fmt.Errorf("version %d: %w", number, err)
			}
			if revoked {
				v.revoked = append(v.revoked, uint32(number))
			}
		}
		if user != nil && before != nil {
			if err := user.CheckPrevious(before); err != nil {
				return "", fmt.Errorf("version %d: %w", number, err)
			}
		}
		before = user
	}
	return "each value is signed as it should be, and follows on the one before it" + v.sinceRevoked(), nil
}

// sinceRevoked says for people which versions rest on their places.
func (v *pastVerification) sinceRevoked() string {
	if len(v.revoked) == 0 {
		return ""
	}
	return fmt.Sprintf("; of %d the server has revoked the key since, and they were in the log before", len(v.revoked))
}
