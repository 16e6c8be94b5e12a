package movein

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/lookup"
)

// line is a binding as export writes it and import reads it.
type line struct {
	Medium  string `json:"medium"`
	Address string `json:"address"`
	UserID  string `json:"user_id"`
	TS      int64  `json:"ts"` // milliseconds since 1970; 0 where nobody knows
}

// FormatLine writes a binding as a line of JSON, without its end. Reading it gives the
// same binding.
func FormatLine(m lookup.Moved) ([]byte, error) {
	return json.Marshal(line{string(m.Address.Medium()), m.Address.String(), m.User.String(), store.Millis(m.Bound)})
}

// ParseLine is the inverse of FormatLine. The reason is empty where the line can be
// read.
func ParseLine(text []byte) (lookup.Moved, Reason) {
	var l line
	if err := json.Unmarshal(text, &l, json.RejectUnknownMembers(true)); err != nil {
		return lookup.Moved{}, NoLine
	}
	address, why := readAddress(l.Medium, l.Address)
	if why != "" {
		return lookup.Moved{}, why
	}
	user, err := matrix.ParseUserID(l.UserID)
	if err != nil {
		return lookup.Moved{}, NoUser
	}
	return lookup.Moved{Address: address, User: user, Bound: store.Time(max(0, l.TS))}, ""
}

// linesTable is what a line's place is called.
const linesTable = "line"

// maxLine is longer than any line that export writes.
const maxLine = 16 << 10

// ReadLines reads lines of JSON as export writes them. The file may be a pipe.
func ReadLines(ctx context.Context, path string, o Options) (*Load, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading lines: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading lines: %w", err)
	case info.IsDir():
		return nil, fmt.Errorf("reading %s: %w", path, ErrNotFile)
	}
	r := newReader(o, written(info, o.Now))
	if err := r.lines(ctx, f); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return r.done(), nil
}

// written is when a file was last written; what comes through a pipe is of now.
func written(info os.FileInfo, now time.Time) time.Time {
	if info.Mode().IsRegular() {
		return info.ModTime()
	}
	return now
}

func (r *reader) lines(ctx context.Context, f io.Reader) error {
	in := bufio.NewReaderSize(f, maxLine)
	for number := int64(1); ctx.Err() == nil; number++ {
		text, err := nextLine(in)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		r.addLine(Place{linesTable, number}, text)
	}
	return ctx.Err()
}

// nextLine is the next line, or nothing in place of one that is too long to be ours.
// io.EOF says that there is none.
func nextLine(in *bufio.Reader) ([]byte, error) {
	text, err := in.ReadSlice('\n')
	tooLong := errors.Is(err, bufio.ErrBufferFull)
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = in.ReadSlice('\n')
	}
	switch {
	case errors.Is(err, io.EOF) && (tooLong || len(text) > 0): // the last line has no end
		err = nil
	case err != nil:
		return nil, err
	}
	if tooLong {
		return nil, nil
	}
	return text, err
}

func (r *reader) addLine(p Place, text []byte) {
	r.count()
	moved, why := ParseLine(text)
	if why != "" {
		r.leave(p, why)
		return
	}
	moved.Bound = r.moment(store.Millis(moved.Bound))
	r.merge(statement{Moved: moved})
}
