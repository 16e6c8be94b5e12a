package fedclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Stream is an answer, of whatever status, that is read piece by piece. Who has it closes
// Body. Reading beyond what the request allows ends in ErrTooLarge, an answer that breaks
// off in ErrUnreachable.
type Stream struct {
	Status int
	Header http.Header
	Body   io.ReadCloser
}

// Open is Do for an answer that is too large to be held whole. The context's deadline covers
// the reading too.
func (c *Client) Open(ctx context.Context, r Request) (Stream, error) {
	ctx, cancel := withDeadline(ctx)
	answer, err := c.open(ctx, r)
	if err != nil {
		cancel()
		return Stream{}, fmt.Errorf("asking %q: %w", r.Server, err)
	}
	answer.Body = &timed{ReadCloser: answer.Body, cancel: cancel}
	return answer, nil
}

// whole reads the answer to its end.
func (s Stream) whole() (Response, error) {
	defer s.Body.Close()
	body, err := io.ReadAll(s.Body)
	if err != nil {
		return Response{}, err
	}
	return Response{Status: s.Status, Header: s.Header, Body: body}, nil
}

// timed gives up the deadline of an answer with its end.
type timed struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (t *timed) Close() error {
	defer t.cancel()
	return t.ReadCloser.Close()
}

// bounded is the body of an answer of which no more than left octets are read.
type bounded struct {
	body io.ReadCloser
	left int64
}

func (b *bounded) Close() error { return b.body.Close() }

// Read asks for one octet more than there may be, to tell an answer of exactly that length
// from a longer one.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, ErrTooLarge
	}
	n, err := b.body.Read(p[:min(int64(len(p)), b.left+1)])
	b.left -= int64(n)
	switch {
	case b.left < 0:
		return n - 1, ErrTooLarge
	case err == nil, errors.Is(err, io.EOF):
		return n, err
	}
	return n, brokenAnswer{cause: err}
}
