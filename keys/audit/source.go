package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"signet/keys/entry"
)

// Source is where a log's checkpoint, tiles and bundles are read.
type Source interface {
	// Fetch returns what stands at a path below the log's base, at most MaxBody octets. The
	// error is ErrNotFound if nothing does. It is called by many goroutines at a time.
	Fetch(ctx context.Context, path string) ([]byte, error)
}

// MaxBody is the length of the longest answer in octets: a bundle of the longest entries.
const MaxBody = tileWidth * (2 + entry.MaxLen)

var (
	// ErrNotFound says that nothing stands at a path.
	ErrNotFound = errors.New("not found")
	// ErrTooLong says that an answer is longer than anything that a log has.
	ErrTooLong = fmt.Errorf("longer than %d octets, as no part of a log is", MaxBody)
)

// readAll reads an answer that may be without end, of that length if it is told, which is
// not negative then.
func readAll(r io.Reader, length int64) ([]byte, error) {
	if length > MaxBody {
		return nil, ErrTooLong
	}
	var body bytes.Buffer
	body.Grow(int(max(length, 0)) + bytes.MinRead) // so that the end is read without growing
	_, err := body.ReadFrom(io.LimitReader(r, MaxBody+1))
	if err == nil && body.Len() > MaxBody {
		err = ErrTooLong
	}
	return body.Bytes(), err
}

// Dir is the Source of a log that lies in a directory, such as a mirror's.
type Dir struct{ root *os.Root }

// OpenDir opens a directory. Nothing outside of it is read, whatever links are in it.
func OpenDir(path string) (*Dir, error) {
	root, err := os.OpenRoot(path)
	return &Dir{root}, err
}

// Close closes it.
func (d *Dir) Close() error { return d.root.Close() }

// Fetch reads a file.
func (d *Dir) Fetch(_ context.Context, path string) ([]byte, error) {
	f, err := d.root.Open(filepath.FromSlash(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, -1)
}
