package mxhttp

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
)

var errTooLarge = Problem{Status: http.StatusRequestEntityTooLarge, Code: matrix.TooLarge,
	Message: "the request body is too large"}

// body is a request body that ends with errTooLarge once more than left was read.
type body struct {
	io.ReadCloser
	left           int64
	touched, ended bool
}

// Read reads up to one byte more than allowed, to tell a body that is too large from
// one that fits exactly.
func (b *body) Read(p []byte) (int, error) {
	b.touched = true
	if b.left < 0 {
		return 0, errTooLarge
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	b.ended = err == io.EOF
	if b.left < 0 {
		return n - 1, errTooLarge
	}
	return n, err
}

// Body returns the request body as it was sent, for a signature over it. Decode may
// follow: it reads the same once more. The error is for the client.
func Body(c echo.Context) ([]byte, error) {
	sent, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return nil, unread(err)
	}
	if len(sent) > 0 {
		c.Request().Body = io.NopCloser(bytes.NewReader(sent))
	}
	return sent, nil
}

// unread tells why a body could not be read whole.
func unread(err error) error {
	if tooLarge, ok := errors.AsType[Problem](err); ok {
		return tooLarge
	}
	return notJSON("the request body did not arrive whole")
}

// The rest of a refused body is read and thrown away, up to drainBytes and for
// drainTime, so that a client which writes everything before it reads still finds our
// answer instead of a connection reset.
const (
	drainBytes = 8 << 20
	drainTime  = 5 * time.Second
)

func (b *body) drain(c echo.Context) {
	r := c.Request()
	waits := !b.touched && strings.EqualFold(r.Header.Get("Expect"), "100-continue")
	if b.ended || waits || b.ReadCloser == http.NoBody || r.ContentLength > drainBytes {
		return
	}
	// A writer that knows no deadlines has no connection to wait for.
	_ = http.NewResponseController(c.Response()).SetReadDeadline(time.Now().Add(drainTime))
	_, _ = io.CopyN(io.Discard, b.ReadCloser, drainBytes)
}

// keptBuffer is the size of a buffer that is worth keeping; larger ones are rare.
const keptBuffer = 1 << 20

func (s *server) buffer() *bytes.Buffer {
	if b, ok := s.buffers.Get().(*bytes.Buffer); ok {
		b.Reset()
		return b
	}
	return new(bytes.Buffer)
}

func (s *server) giveBack(b *bytes.Buffer) {
	if b.Cap() <= keptBuffer {
		s.buffers.Put(b)
	}
}
