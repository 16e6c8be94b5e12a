package proof

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/tlog"

	"signet/keys/entry"
	"signet/keys/ladder"
	"signet/keys/prefixtree"
	"signet/keys/value"
)

const (
	// MaxHistory is the length of the longest History in octets of JSON.
	MaxHistory = 16 << 20
	// MaxVersions is how many versions it has at most.
	MaxVersions = 1000
)

// History is all versions of a label, for its owner. Without any it is the absence of
// version 0.
type History struct {
	Anchor

	Versions []Version `json:"versions"` // 0 and on, to the newest
	Beyond   []Rung    `json:"beyond"`   // the rungs of the newest one's ladder that come after it, in their order
}

// Version is one version of a label, with its value, or Erased: then value and opening are
// destroyed, and only that it was there is proven.
type Version struct {
	Rung
	Place   *Place         `json:"place,omitzero"`
	Erased  bool           `json:"erased,omitzero"`
	Opening *Opening       `json:"opening,omitzero"`
	Value   jsontext.Value `json:"value,omitzero"`
}

// Place is where a version stands in the log, with the proof that it does.
type Place struct {
	Position int64  `json:"position"` // from 0
	Path     []Hash `json:"path"`     // RFC 6962, 2.1.1
}

// NewPlace makes a Place.
func NewPlace(position int64, included tlog.RecordProof) *Place {
	return &Place{Position: position, Path: hashesTo[Hash](included)}
}

// NewVersion makes a Version of its rung, opening and value.
func NewVersion(r Rung, o entry.Opening, object []byte) Version {
	return Version{Rung: r, Opening: (*Opening)(&o), Value: object}
}

// NewErased makes a Version of its rung alone.
func NewErased(r Rung) Version { return Version{Rung: r, Erased: true} }

// Beyond lists the versions whose rungs a History of so many versions has besides theirs.
func Beyond(versions int64) []uint32 {
	if versions == 0 {
		return ladder.NoVersions()
	}
	var beyond []uint32
	for _, v := range ladder.Versions(uint32(versions - 1)) {
		if int64(v) >= versions {
			beyond = append(beyond, v)
		}
	}
	return beyond
}

// ParseHistory reads a History in JSON of at most MaxHistory octets, as Parse does a Lookup.
// The error is ErrProof.
func ParseHistory(b []byte) (*History, error) {
	var h History
	if err := unmarshal(b, MaxHistory, &h); err != nil {
		return nil, err
	}
	if len(h.Versions) > MaxVersions || len(h.Beyond) > ladder.MaxRungs {
		return nil, malformed("it has %d versions and %d rungs, more than %d and %d", len(h.Versions), len(h.Beyond), MaxVersions, ladder.MaxRungs)
	}
	for i := range h.Versions {
		v := &h.Versions[i]
		if err := errors.Join(v.Rung.check(), v.Place.check(), canonicalise(&v.Value)); err != nil {
			return nil, err
		}
	}
	for _, r := range h.Beyond {
		if err := r.check(); err != nil {
			return nil, err
		}
	}
	return &h, h.Anchor.check()
}

func (p *Place) check() error {
	if p != nil && (p.Position < 0 || len(p.Path) > maxPath) {
		return malformed("its place in the log is none")
	}
	return nil
}

// Past is what a History has shown. Values has an element a version, nil for one that was
// erased, and so has Positions: where it stands in the log, 0 for one without a Place.
type Past struct {
	Label     entry.Label
	Head      tlog.Tree
	Sealed    time.Time // of the Head
	Values    []value.Value
	Positions []int64
	Held      []Line
}

// ErrPlace is the error of a version that does not stand where its Place says.
var ErrPlace = errors.New("the version does not stand at its place in the log")

// VerifyHistory tells whether a History holds: the steps of Verify, for each version. Of
// Asked, it takes Label, Head and Version. Values need not be in force any more. Errors:
// ErrPolicy and *Failed.
func VerifyHistory(h *History, asked Asked, p Policy, now time.Time) (Past, error) {
	p, err := p.whole()
	if err != nil {
		return Past{}, err
	}
	v := &pastVerification{history: h, anchored: anchored{policy: p, anchor: h.Anchor, asked: asked, now: now}}
	held, err := run(append(v.checks(), check{StepLadder, v.ladder}, check{StepOpening, v.open}, check{StepSignatures, v.signatures}))
	if err != nil {
		return Past{}, err
	}
	return Past{Label: v.label, Head: v.checkpoint.Tree, Sealed: time.UnixMilli(v.epoch.Time), Values: v.values, Positions: v.positions, Held: held}, nil
}

// pastVerification is one run of VerifyHistory, with what its steps come to.
type pastVerification struct {
	history *History
	anchored

	commitments []entry.Commitment
	positions   []int64
	values      []value.Value
}

// ladder holds that each version is there, and that those beyond are not.
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
		if err := v.stands(e, version.Place); err != nil {
			return "", fmt.Errorf("version %d: %w", version.Version, err)
		}
		v.commitments = append(v.commitments, e.Commitment)
	}
	for _, r := range h.Beyond {
		if _, err := v.climb(r); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("the label has %d versions%s, and no later one", len(h.Versions), v.entries()), nil
}

// stands holds an entry against its place, if that is given.
func (v *pastVerification) stands(e entry.Insert, p *Place) error {
	if p == nil {
		v.positions = append(v.positions, 0)
		return nil
	}
	if err := p.check(); err != nil {
		return err
	}
	if len(v.positions) > 0 && p.Position <= slices.Max(v.positions) {
		return fmt.Errorf("%w: entry %d is not after those of the versions before it", ErrPlace, p.Position)
	}
	size := v.checkpoint.N
	if p.Position >= size {
		return fmt.Errorf("%w: there is no entry %d", ErrPlace, p.Position)
	}
	if err := tlog.CheckRecord(hashesTo[tlog.Hash](p.Path), size, v.checkpoint.Hash, p.Position, tlog.RecordHash(e.Append(nil))); err != nil {
		return fmt.Errorf("%w: entry %d: %w", ErrPlace, p.Position, err)
	}
	v.positions = append(v.positions, p.Position)
	return nil
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

func (v *pastVerification) claim() error {
	h, seen := v.history, v.asked.Version
	if seen != nil && int64(len(h.Versions)) <= int64(*seen) {
		return fmt.Errorf("%w: %d", ErrOlder, *seen)
	}
	for i, version := range h.Versions {
		if version.Version != uint32(i) || version.Map.Kind != prefixtree.Inclusion {
			return fmt.Errorf("%w: version %d is not there", ladder.ErrRungs, i)
		}
	}
	return checkBeyond(h.Beyond, int64(len(h.Versions)))
}

func (v *pastVerification) open() (string, error) {
	erased := 0
	for i, version := range v.history.Versions {
		if version.Erased {
			if version.Opening != nil || len(version.Value) > 0 {
				return "", fmt.Errorf("version %d: %w", i, ErrUnasked)
			}
			v.values, erased = append(v.values, nil), erased+1
			continue
		}
		opened, err := openValue(v.label, uint32(i), v.commitments[i], version.Opening, version.Value)
		if err != nil {
			return "", fmt.Errorf("version %d: %w", i, err)
		}
		v.values = append(v.values, opened)
	}
	return fmt.Sprintf("the commitments in the map open to %d values; %d were erased", len(v.values)-erased, erased), nil
}

func (v *pastVerification) signatures() (string, error) {
	for i, now := range v.values {
		if now == nil {
			continue
		}
		if err := v.vouched(now); err != nil {
			return "", fmt.Errorf("version %d: %w", i, err)
		}
		user, isUser := now.(*value.User)
		if !isUser || i == 0 {
			continue
		}
		before, known := v.values[i-1].(*value.User)
		if !known {
			continue
		}
		if err := user.CheckPrevious(before); err != nil {
			return "", fmt.Errorf("version %d: %w", i, err)
		}
	}
	return "each value is signed as it should be, and follows on the one before it", nil
}
