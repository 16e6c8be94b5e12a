package people

import (
	"encoding/binary"
	"fmt"

	"signet/keys/entry"
)

// tag is the keyed index of a label, by which its rows are found.
type tag [32]byte

// version is a row of people_versions.
type version struct {
	tag      tag
	number   uint32
	position int64  // in the log; 0: pending
	queued   int64  // milliseconds since 1970; never less than that of the version before
	userTag  []byte // of whom the value names; empty for nobody
	session  string // that was spent on it; empty for none
	prepared []byte // its INSERT, if that was made when it was queued
	opening  []byte // sealed; empty while it is pending, and once it is erased
	value    []byte // sealed; empty once it is erased
}

// label is a row of people_labels.
type label struct {
	tag    tag
	sealed []byte // its text; empty once it is erased
	next   int64  // the version that comes next
	queued int64  // of the newest version
}

func (l label) erased() bool { return len(l.sealed) == 0 }

// row names where something of a version is sealed.
func row(t tag, number uint32, what string) []byte {
	b := binary.BigEndian.AppendUint32(t[:len(t):len(t)], number)
	return append(b, what...)
}

func (p *People) sealLabel(l entry.Label, t tag) []byte {
	return p.values.Seal([]byte(l.String()), append(t[:len(t):len(t)], "label"...))
}

func (p *People) openLabel(sealed []byte, t tag) (entry.Label, error) {
	text, err := p.values.Open(sealed, append(t[:len(t):len(t)], "label"...))
	if err != nil {
		return entry.Label{}, fmt.Errorf("%w: opening a label: %w", ErrDamaged, err)
	}
	return entry.ParseLabel(string(text))
}

func (p *People) sealValue(value []byte, t tag, number uint32) []byte {
	return p.values.Seal(value, row(t, number, "value"))
}

// openValue is the value of a version; nil if it was erased.
func (p *People) openValue(v version) ([]byte, error) {
	if len(v.value) == 0 {
		return nil, nil
	}
	value, err := p.values.Open(v.value, row(v.tag, v.number, "value"))
	if err != nil {
		return nil, fmt.Errorf("%w: opening a value: %w", ErrDamaged, err)
	}
	return value, nil
}

func (p *People) sealOpening(o entry.Opening, t tag, number uint32) []byte {
	return p.values.Seal(o[:], row(t, number, "opening"))
}

func (p *People) openOpening(v version) (entry.Opening, error) {
	o, err := p.values.Open(v.opening, row(v.tag, v.number, "opening"))
	if err != nil {
		return entry.Opening{}, fmt.Errorf("%w: opening an opening: %w", ErrDamaged, err)
	}
	if len(o) != len(entry.Opening{}) {
		return entry.Opening{}, fmt.Errorf("%w: an opening has %d octets", ErrDamaged, len(o))
	}
	return entry.Opening(o), nil
}

// insert makes the INSERT of a version.
func (p *People) insert(l entry.Label, number uint32, o entry.Opening, value []byte) []byte {
	index := entry.IndexOf(p.VRF.Output(l.VRFInput(number)))
	return entry.Insert{Index: index, Commitment: entry.Commit(o, l, number, value)}.Append(nil)
}
