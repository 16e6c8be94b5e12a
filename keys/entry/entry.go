package entry

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Lengths of entries in octets, their first one, which is their type, included.
const (
	InsertLen = 1 + 32 + 32
	EpochLen  = 1 + 8 + 8 + 32
	MaxLen    = 1 + MaxObject // of a Record or a Config
)

// The types of entries.
const (
	typeInsert = 0x01
	typeEpoch  = 0x02
	typeRecord = 0x03
	typeConfig = 0x04
)

// ErrEntry is the error of octets that are no entry.
var ErrEntry = errors.New("not an entry of a log")

// Entry is an Insert, an Epoch, a Record or a Config. Entries are comparable with ==.
type Entry interface {
	// Append appends the octets of the entry, which Parse reads back.
	Append(b []byte) []byte
	entry()
}

// Insert adds one version of a label to the prefix tree.
type Insert struct {
	Index      Index
	Commitment Commitment
}

// Epoch is the last entry of every published checkpoint.
type Epoch struct {
	Time     int64    // milliseconds since 1970, not negative
	Position int64    // its own place in the log, counted from 0
	MapRoot  [32]byte // of the prefix tree of all Inserts before it
}

// Record is a fact of the servers' log. It comes from NewRecord or Parse.
type Record struct{ object string }

// Config says what the log is: its first entry, and each later one that changes its
// keys. It comes from NewConfig or Parse.
type Config struct{ object string }

// NewRecord makes the entry of a JSON object, which CheckObject has to take.
func NewRecord(object []byte) (Record, error) {
	if err := CheckObject(object); err != nil {
		return Record{}, err
	}
	return Record{string(object)}, nil
}

// NewConfig makes the entry of a JSON object, which CheckObject has to take.
func NewConfig(object []byte) (Config, error) {
	if err := CheckObject(object); err != nil {
		return Config{}, err
	}
	return Config{string(object)}, nil
}

// JSON is the object, in canonical form.
func (r Record) JSON() []byte { return []byte(r.object) }

// JSON is the object, in canonical form.
func (c Config) JSON() []byte { return []byte(c.object) }

// Append appends the entry's 65 octets.
func (i Insert) Append(b []byte) []byte {
	b = append(b, typeInsert)
	b = append(b, i.Index[:]...)
	return append(b, i.Commitment[:]...)
}

// Append appends the entry's 49 octets.
func (e Epoch) Append(b []byte) []byte {
	b = append(b, typeEpoch)
	b = binary.BigEndian.AppendUint64(b, uint64(e.Time))
	b = binary.BigEndian.AppendUint64(b, uint64(e.Position))
	return append(b, e.MapRoot[:]...)
}

// Append appends the entry's octets, at most MaxLen.
func (r Record) Append(b []byte) []byte { return append(append(b, typeRecord), r.object...) }

// Append appends the entry's octets, at most MaxLen.
func (c Config) Append(b []byte) []byte { return append(append(b, typeConfig), c.object...) }

func (Insert) entry() {}
func (Epoch) entry()  {}
func (Record) entry() {}
func (Config) entry() {}

// Parse reads an entry. It takes what Append gives for an entry and nothing else. The
// error is ErrEntry, and ErrObject with it if the JSON is at fault.
func Parse(b []byte) (Entry, error) {
	if len(b) == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrEntry)
	}
	switch b[0] {
	case typeInsert:
		return parseInsert(b)
	case typeEpoch:
		return parseEpoch(b)
	case typeRecord, typeConfig:
		return parseObject(b)
	}
	return nil, fmt.Errorf("%w: its type is %#02x", ErrEntry, b[0])
}

func parseInsert(b []byte) (Entry, error) {
	if len(b) != InsertLen {
		return nil, fmt.Errorf("%w: an insert of %d octets", ErrEntry, len(b))
	}
	return Insert{Index(b[1:33]), Commitment(b[33:])}, nil
}

func parseEpoch(b []byte) (Entry, error) {
	if len(b) != EpochLen {
		return nil, fmt.Errorf("%w: an epoch of %d octets", ErrEntry, len(b))
	}
	ms, position := binary.BigEndian.Uint64(b[1:]), binary.BigEndian.Uint64(b[9:])
	if ms > math.MaxInt64 || position > math.MaxInt64 {
		return nil, fmt.Errorf("%w: an epoch with a number of 64 bits", ErrEntry)
	}
	return Epoch{int64(ms), int64(position), [32]byte(b[17:])}, nil
}

func parseObject(b []byte) (Entry, error) {
	if err := CheckObject(b[1:]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEntry, err)
	}
	if b[0] == typeConfig {
		return Config{string(b[1:])}, nil
	}
	return Record{string(b[1:])}, nil
}
