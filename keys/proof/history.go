package proof

import (
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"signet/keys/entry"
	"signet/keys/ladder"
)

const (
	// MaxHistory is the length of the longest History in octets of JSON.
	MaxHistory = 16 << 20
	// MaxVersions is how many versions it has at most. Each takes 32 KiB at most, so that they
	// never come to more than MaxHistory.
	MaxVersions = 256
)

// History is the versions of a label, for its owner, or a page of them. Without any it is the
// absence of version 0.
type History struct {
	Anchor

	From     uint32    `json:"from,omitzero"` // the version that it begins with
	Next     uint32    `json:"next,omitzero"` // the one that the next page begins with; 0: this is the last page
	Versions []Version `json:"versions"`      // From and on, on the last page to the newest
	Beyond   []Rung    `json:"beyond"`        // of the last page: the rungs of the newest one's ladder that come after it, in their order
}

// versions is how many there are from 0 to the end of the page.
func (h *History) versions() int64 { return int64(h.From) + int64(len(h.Versions)) }

// Version is one version of a label, with its value, or Erased: then value and opening are
// destroyed, and only that it was there is proven.
type Version struct {
	Rung
	Place   *Place         `json:"place,omitzero"`
	Erased  bool           `json:"erased,omitzero"`
	Opening *Opening       `json:"opening,omitzero"`
	Value   jsontext.Value `json:"value,omitzero"`
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
