package store

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"time"
)

// NewID is a name for a new row that nobody can guess: 10 characters that tell the time,
// and 130 random bits. Names that are made one after the other stand side by side, so an
// index of them grows at its end instead of everywhere.
func NewID(now time.Time) string {
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli())<<16)
	return base32.HexEncoding.EncodeToString(ms[:6])[:10] + rand.Text()
}
