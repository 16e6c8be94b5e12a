package log

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/lockedfile"
	tformat "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/tlog"
)

// ErrRolledBack says that the database does not hold what was signed from it: an older copy
// was restored, or the log was changed. The Log signs and shows nothing any more. The
// operator restores the newer database; or begins a log of a new origin; or, where nobody can
// have seen what is gone, removes what the Guard remembers.
var ErrRolledBack = errors.New("the log was signed further, or otherwise, than the database says")

// Guard remembers, outside of the database, the largest tree of which a note was signed or
// shown, so that a database that was restored from an older copy is noticed. It is safe for
// concurrent use.
type Guard interface {
	// Highest returns the largest tree that Signed was told of, the zero Tree if there is
	// none.
	Highest(ctx context.Context) (tlog.Tree, error)
	// Signed remembers a tree, durably when it returns, if it is larger than the largest. It
	// fails with ErrRolledBack if the largest has the same size and another root.
	Signed(ctx context.Context, t tlog.Tree) error
}

// FileGuard is a Guard in a file, which holds the text of a checkpoint (C2SP
// tlog-checkpoint). Processes of one machine may share a file: a lock on another beside it,
// ".lock", ends with the process that holds it. Whoever removes the file says that the
// database is right.
type FileGuard struct {
	path, origin string
	writing      *lockedfile.Mutex // among processes
	turn         chan struct{}     // holds whoever waits for it, or has it, in this one
}

// maxGuardFile is more than the text of any checkpoint.
const maxGuardFile = 4096

// NewFileGuard returns the guard of the log with that origin in the file at path, which need
// not be there yet. The folder must be.
func NewFileGuard(path, origin string) *FileGuard {
	return &FileGuard{path: path, origin: origin, writing: lockedfile.MutexAt(path + ".lock"), turn: make(chan struct{}, 1)}
}

// Highest reads the file. A file that cannot be read, or is of another log, is an error.
func (g *FileGuard) Highest(context.Context) (tlog.Tree, error) {
	data, err := os.ReadFile(g.path)
	if errors.Is(err, fs.ErrNotExist) {
		return tlog.Tree{}, nil
	}
	if err != nil {
		return tlog.Tree{}, err
	}
	t, err := g.parse(data)
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("%s does not say what was signed of %s: %w", g.path, g.origin, err)
	}
	return t, nil
}

var errGuardFile = errors.New("not what was written there")

// parse accepts what text writes and nothing else.
func (g *FileGuard) parse(data []byte) (tlog.Tree, error) {
	var c tformat.Checkpoint
	if len(data) > maxGuardFile {
		return tlog.Tree{}, errGuardFile
	}
	if _, err := c.Unmarshal(data); err != nil {
		return tlog.Tree{}, err
	}
	hash, err := hashOf(c.Hash)
	if err != nil {
		return tlog.Tree{}, err
	}
	t := tlog.Tree{N: int64(c.Size), Hash: hash}
	if t.N <= 0 || g.text(t) != string(data) {
		return tlog.Tree{}, errGuardFile
	}
	return t, nil
}

func (g *FileGuard) text(t tlog.Tree) string {
	return string(tformat.Checkpoint{Origin: g.origin, Size: uint64(t.N), Hash: t.Hash[:]}.Marshal())
}

// Signed replaces the file, which a crash leaves as it was or as it shall be.
func (g *FileGuard) Signed(ctx context.Context, t tlog.Tree) error {
	unlock, err := g.lock(ctx)
	if err != nil {
		return fmt.Errorf("locking %s.lock: %w", g.path, err)
	}
	defer unlock()
	highest, err := g.Highest(ctx)
	if err != nil {
		return err
	}
	if t.N == highest.N && t.Hash != highest.Hash {
		return fmt.Errorf("%w: another root at %d entries", ErrRolledBack, t.N)
	}
	if t.N <= highest.N {
		return nil
	}
	return replaceFile(g.path, []byte(g.text(t)))
}

// lock waits for the lock as long as ctx lets it. Whoever gives up leaves the wait behind, which
// ends with the lock at once: however many ask while another process hangs, one waits.
func (g *FileGuard) lock(ctx context.Context) (unlock func(), err error) {
	select {
	case g.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var release func()
	locked := make(chan error, 1)
	go func() {
		var err error
		release, err = g.writing.Lock()
		locked <- err
	}()
	end := func(err error) {
		if err == nil {
			release()
		}
		<-g.turn
	}
	select {
	case err := <-locked:
		if err != nil {
			end(err)
			return nil, err
		}
		return func() { end(nil) }, nil
	case <-ctx.Done():
		go func() { end(<-locked) }()
		return nil, ctx.Err()
	}
}

// replaceFile writes a file beside, makes it durable, and moves it into place, durably.
func replaceFile(path string, data []byte) (err error) {
	beside := path + ".new"
	if err := writeFile(beside, data); err != nil {
		return err
	}
	if err := os.Rename(beside, path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

func writeFile(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}
