package api

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"signet/internal/mxhttp"
)

// Answers to look-ups have few lengths, so that whoever watches a connection does not see
// whether anybody was found. The least ones have room for the first version of a label in a
// log of a million entries.
const (
	sizeStep    = 512
	leastPlain  = 9 * sizeStep
	leastPacked = 6 * sizeStep
)

func paddedSize(n, least int) int { return max(least, (n+sizeStep-1)/sizeStep*sizeStep) }

// replyPadded answers with a proof, compressed for who accepts that, in one of few lengths.
// Proofs are hashes in base64, of whose octets a quarter says nothing; nobody's secret
// stands beside what somebody else chose.
func replyPadded(c echo.Context, value any) error {
	b, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	h := c.Response().Header()
	h.Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
	if strings.Contains(c.Request().Header.Get(echo.HeaderAcceptEncoding), "gzip") {
		h.Set(echo.HeaderContentEncoding, "gzip")
		return mxhttp.ReplyBytes(c, echo.MIMEApplicationJSON, "no-store", packPadded(b))
	}
	return mxhttp.ReplyBytes(c, echo.MIMEApplicationJSON, "no-store", padPlain(b))
}

// padPlain adds spaces, which JSON may end in (RFC 8259, section 2).
func padPlain(b []byte) []byte {
	return append(b, bytes.Repeat([]byte{' '}, paddedSize(len(b), leastPlain)-len(b))...)
}

var packers = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // fails for levels that are none
	return w
}}

// The parts of a gzip member (RFC 1952, section 2.3).
const (
	gzipHeader = 10     // octets before an extra field
	gzipFlags  = 3      // the octet of flags in the header
	flagExtra  = 1 << 2 // FEXTRA: an extra field follows the header
	fieldStart = 2 + 4  // the field's length, and what its one subfield begins with
)

// packPadded compresses, with an extra field of zeros in the header, which readers skip.
func packPadded(b []byte) []byte {
	var packed bytes.Buffer
	w := packers.Get().(*gzip.Writer)
	defer packers.Put(w)
	w.Reset(&packed)
	_, _ = w.Write(b) // a Buffer takes everything
	_ = w.Close()
	whole := packed.Bytes()
	size := paddedSize(len(whole)+fieldStart, leastPacked)
	zeros := size - len(whole) - fieldStart
	padded := append(make([]byte, 0, size), whole[:gzipHeader]...)
	padded[gzipFlags] |= flagExtra
	padded = binary.LittleEndian.AppendUint16(padded, uint16(4+zeros))
	padded = append(padded, 'P', 'D')
	padded = binary.LittleEndian.AppendUint16(padded, uint16(zeros))
	padded = append(padded, make([]byte, zeros)...)
	return append(padded, whole[gzipHeader:]...)
}
