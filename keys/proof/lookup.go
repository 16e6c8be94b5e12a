package proof

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/tlog"

	"signet/keys/entry"
	"signet/keys/ladder"
	"signet/keys/prefixtree"
	"signet/keys/value"
	"signet/keys/vrf"
)

const (
	// MaxLookup is the length of the longest Lookup in octets of JSON.
	MaxLookup = 1 << 20
	// maxPath is the length of the longest proof in a log: its size has 63 bits (C2SP
	// tlog-proof).
	maxPath = 63
	// maxDepth is the length of the longest path in a prefix tree.
	maxDepth = 256
)

// ErrProof is the error of what is no proof that could be verified.
var ErrProof = errors.New("not a proof")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrProof, fmt.Errorf(format, args...))
}

// Anchor is the moment of a log at which something is proven.
type Anchor struct {
	Checkpoint  string `json:"checkpoint"`  // a signed note (C2SP tlog-checkpoint), with cosignatures
	Epoch       Epoch  `json:"epoch"`       // its last entry
	EpochProof  []Hash `json:"epoch_proof"` // that it is (RFC 6962, 2.1.1)
	Consistency []Hash `json:"consistency"` // with the head that the asker has seen (RFC 6962, 2.1.2)
}

// Lookup is the answer about a label: its newest version, or that it has none.
type Lookup struct {
	Anchor

	Version uint32         `json:"version"` // 0 if there is none
	Present bool           `json:"present"`
	Ladder  []Rung         `json:"ladder"`         // as keys/ladder lists them
	Place   *Place         `json:"place,omitzero"` // of the newest version, where the key that signed it is revoked
	Opening *Opening       `json:"opening,omitzero"`
	Value   jsontext.Value `json:"value,omitzero"` // an object; spaces and order do not matter
}

// Rung is one version of the label: whether it is in the map, and with what.
type Rung struct {
	Version uint32 `json:"v"`
	Pi      Pi     `json:"pi"` // the VRF's proof
	Map     Search `json:"map"`
}

// Search is a prefixtree.Proof, with the commitment to which an Inclusion leads.
type Search struct {
	Kind  prefixtree.Kind `json:"k"`
	Depth int             `json:"depth"`
	Path  []Hash          `json:"path"`
	Label *Hash           `json:"label,omitzero"` // the other leaf's index, with k 2
	Value *Hash           `json:"value,omitzero"` // the leaf's commitment, with k 1 and k 2
}

// NewAnchor makes an Anchor of a note, the EPOCH at its end, and the proofs of both. The
// consistency is nil for who has seen nothing, or this.
func NewAnchor(note []byte, epoch entry.Epoch, included tlog.RecordProof, consistency tlog.TreeProof) Anchor {
	return Anchor{
		Checkpoint:  string(note),
		Epoch:       Epoch(epoch.Append(nil)),
		EpochProof:  hashesTo[Hash](included),
		Consistency: hashesTo[Hash](consistency),
	}
}

// NewRung makes a Rung. The commitment is that of the version if it is there, and has no
// meaning if it is not.
func NewRung(version uint32, pi [vrf.ProofLen]byte, p prefixtree.Proof, c entry.Commitment) Rung {
	s := Search{Kind: p.Kind, Depth: p.Depth, Path: hashesTo[Hash](p.Path)}
	switch p.Kind {
	case prefixtree.Inclusion:
		s.Value = (*Hash)(&c)
	case prefixtree.NonInclusionLeaf:
		s.Label, s.Value = (*Hash)(&p.Other.Index), (*Hash)(&p.Other.Commitment)
	}
	return Rung{Version: version, Pi: pi, Map: s}
}

// NewAbsence is the Lookup of a label without versions. The rung is that of version 0.
func NewAbsence(a Anchor, rung Rung) *Lookup { return &Lookup{Anchor: a, Ladder: []Rung{rung}} }

// NewLookup is the Lookup of a version. The rungs are those of ladder.Versions; the value is
// canonical JSON.
func NewLookup(a Anchor, version uint32, rungs []Rung, o entry.Opening, value []byte) *Lookup {
	return &Lookup{Anchor: a, Version: version, Present: true, Ladder: rungs, Opening: (*Opening)(&o), Value: value}
}

// Parse reads a Lookup in JSON of at most MaxLookup octets. No name may be given twice.
// Members that are not known are ignored, so that later servers can say more; nothing that
// is proven is in them. The error is ErrProof.
func Parse(b []byte) (*Lookup, error) {
	var l Lookup
	if err := unmarshal(b, MaxLookup, &l); err != nil {
		return nil, err
	}
	if len(l.Ladder) > ladder.MaxRungs {
		return nil, malformed("it has %d rungs, more than %d", len(l.Ladder), ladder.MaxRungs)
	}
	for _, r := range l.Ladder {
		if err := r.check(); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(canonicalise(&l.Value), l.Place.check()); err != nil {
		return nil, err
	}
	return &l, l.Anchor.check()
}

// unmarshal reads JSON (RFC 8259) as strictly as RFC 7493 asks.
func unmarshal(b []byte, limit int, to any) error {
	if len(b) > limit {
		return malformed("it is longer than %d octets", limit)
	}
	if jsontext.Value(b).Kind() != jsontext.KindBeginObject {
		return malformed("it is no JSON object")
	}
	if err := json.Unmarshal(b, to); err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	return nil
}

// canonicalise makes the value canonical, if there is one.
func canonicalise(v *jsontext.Value) (err error) {
	if len(*v) == 0 {
		return nil
	}
	if *v, err = value.Canonical(*v); err != nil {
		return malformed("%w", err)
	}
	return nil
}

func (a Anchor) check() error {
	if len(a.EpochProof) > maxPath || len(a.Consistency) > maxPath+1 {
		return malformed("a path in the log has more than %d hashes", maxPath)
	}
	return nil
}

func (r Rung) check() error {
	s := r.Map
	if s.Depth < 0 || s.Depth > maxDepth || len(s.Path) != s.Depth {
		return malformed("rung %d: its path of %d is not as long as its depth of %d", r.Version, len(s.Path), s.Depth)
	}
	labelled, valued := s.Kind == prefixtree.NonInclusionLeaf, s.Kind != prefixtree.NonInclusionParent
	if s.Kind < prefixtree.Inclusion || s.Kind > prefixtree.NonInclusionParent {
		return malformed("rung %d: k %d is not known", r.Version, s.Kind)
	}
	if (s.Label != nil) != labelled || (s.Value != nil) != valued {
		return malformed("rung %d: its members are not those of k %d", r.Version, s.Kind)
	}
	return nil
}

// proof is the search as the prefix tree verifies it.
func (s Search) proof() prefixtree.Proof {
	p := prefixtree.Proof{Kind: s.Kind, Depth: s.Depth, Path: hashesTo[prefixtree.Hash](s.Path)}
	if s.Kind == prefixtree.NonInclusionLeaf {
		p.Other = prefixtree.Leaf{Index: prefixtree.Index(*s.Label), Commitment: prefixtree.Commitment(*s.Value)}
	}
	return p
}
