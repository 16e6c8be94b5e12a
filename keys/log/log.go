package log

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/store"
)

var (
	// ErrNotFound is the error of what lies beyond the published checkpoint, committed or
	// not, and of a checkpoint before the first.
	ErrNotFound = errors.New("not in the log")
	// ErrInvariant says that the log was not signed because it would not pass an audit.
	ErrInvariant = errors.New("the log breaks an invariant")
	// ErrSuperseded says that nothing was appended because another did so, or holds the
	// lease. Nothing is lost.
	ErrSuperseded = errors.New("another sequencer has taken over")
	// ErrOptions is the error of options that no log can be opened with.
	ErrOptions = errors.New("the log cannot be opened")
)

// Source has what is to be logged.
type Source interface {
	// Next returns entries that are committed and not logged yet, in the order in which they
	// shall be; at most limit, and none if there is nothing to do. It is called outside of
	// any transaction, by one goroutine, and may take its time.
	Next(ctx context.Context, limit int) (Batch, error)
}

// Batch is what a Source has ready. An entry has at most MaxEntry octets.
type Batch struct {
	Entries [][]byte
	// Logged marks the entries as logged, so that Next does not return them again. It is
	// called in the transaction that appends them, which may run again, with the position of
	// the first; if it fails nothing is appended.
	Logged func(ctx context.Context, tx *store.Tx, first int64) error
}

// Map is what the entries come to: the prefix tree whose root each EPOCH holds. One
// goroutine at a time calls it, but for Size.
type Map interface {
	// Size is the number of the log's entries that the map has taken in.
	Size() int64
	// Follow takes in entries that stand in the log from position Size on, EPOCHs among
	// them. It fails, and stays as it was, if they break I2, I3, I4 or I6: an index twice,
	// another root, a time that decreases, an entry that nobody knows.
	Follow(entries [][]byte) error
	// Seal makes the EPOCH that stands after entries, which are to be appended from
	// position Size on. The map stays as it was until adopt is called, which takes in the
	// entries and the EPOCH; it is not called if they were not committed.
	Seal(entries [][]byte, at time.Time) (epoch []byte, adopt func(), err error)
	// Config is the newest CONFIG among the entries that it has taken in, nil if there is none.
	Config() []byte
}

// Keys are those by which the log signs. Which ones sign a checkpoint, the CONFIGs that it
// covers say, so that a note that was lost is made again as it was.
type Keys interface {
	// Config returns the CONFIG that is to be appended at a position, nil if the newest one
	// says what it should. That is nil in an empty log, which begins with what is returned. It
	// is called by one goroutine, outside of any transaction, when newest is committed and the
	// entries are read that come after it: it may be about the keys by which they were signed.
	Config(ctx context.Context, newest []byte, position int64) ([]byte, error)
	// Signers are of all keys that a CONFIG of the log names. Their names are the origin, and
	// what they sign depends on the text alone.
	Signers(ctx context.Context, config []byte) ([]note.Signer, error)
	// Began tells whether a log that begins with that CONFIG is theirs.
	Began(ctx context.Context, first []byte) (bool, error)
}

// Epoch is what the log itself needs of an EPOCH entry.
type Epoch struct {
	Position int64
	Time     time.Time // in whole milliseconds
}

// Format reads the two kinds of entries that the log itself has to know.
type Format interface {
	// Epoch fails if the entry is no EPOCH.
	Epoch(entry []byte) (Epoch, error)
	// Config fails if the entry is no CONFIG of a log with that origin.
	Config(entry []byte, origin string) error
}

// Options are what a Log needs.
type Options struct {
	Name   string // of the log in the tables, such as "users"
	Origin string // first line of its checkpoints, such as "id.example.org/users"
	DB     *store.DB
	Now    func() time.Time
	Log    *slog.Logger
	Source Source
	Map    Map
	Format Format
	Guard  Guard
	Keys   Keys
	// Poll is how often the Source is asked, unless Wake is called; 0 is 200 ms.
	Poll time.Duration
	// Limit is how many entries of the Source a batch has at most; 0 is 5,000.
	Limit int
	// Heartbeat is how old the newest EPOCH may become; 0 is 30 minutes, since clients take
	// one of an hour for stale.
	Heartbeat time.Duration
	// Lease is how long after the end of a process without goodbye another takes over at the
	// latest; 0 is 15 s. A pass takes less than half of it.
	Lease time.Duration
	// Sealed is told, if it is not nil, of each pass that appended: how many entries, and how
	// long it took from reading the head to the publication.
	Sealed func(entries int64, took time.Duration)
}

// Log is a transparency log. It is safe for concurrent use.
type Log struct {
	Options
	holder string        // this process in the lease
	wake   chan struct{} // makes Run seal at once

	sequencing sync.Mutex    // held during a pass, guards wrote, edge and begun
	wrote      time.Duration // how long the last append took
	edge       *edge         // of the head as this process appended it last; nil if unknown
	begun      bool          // the entry at position 0 was found to be a CONFIG

	mu       sync.Mutex // guards the rest, and is not held while waiting for anything
	served   Checkpoint
	advanced chan struct{} // closed when served is replaced
	refused  error         // ErrRolledBack, for good
	failure  error         // of the last pass
}

// Open opens the log of that name, which begins if there is none. It fails with ErrOptions
// if the options fit no log, or not the one that is there. A log that was rolled back can be
// opened.
func Open(ctx context.Context, o Options) (*Log, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	o.setDefaults()
	empty, err := tlog.TreeHash(0, nil)
	if err != nil {
		return nil, err
	}
	if err := createHead(ctx, o.DB, o.Name, o.Origin, empty); err != nil {
		return nil, fmt.Errorf("beginning a log: %w", err)
	}
	h, err := selectHead(ctx, o.DB, o.Name)
	if err != nil {
		return nil, fmt.Errorf("reading the head of a log: %w", err)
	}
	if h.origin != o.Origin {
		return nil, fmt.Errorf("%w: %s has the origin %q in the database and %q in the configuration", ErrOptions, o.Name, h.origin, o.Origin)
	}
	return &Log{Options: o, holder: store.NewID(o.Now()), wake: make(chan struct{}, 1), advanced: make(chan struct{})}, nil
}

// check holds the options against C2SP tlog-checkpoint (Note text) and signed-note (Format).
func (o *Options) check() error {
	if o.Name == "" || o.Origin == "" || strings.ContainsFunc(o.Origin, func(r rune) bool { return r <= ' ' || r == '+' || r > '~' }) {
		return fmt.Errorf("%w: its name or its origin %q is empty or has spaces, + or other than ASCII", ErrOptions, o.Origin)
	}
	if o.Keys == nil {
		return fmt.Errorf("%w: nobody signs", ErrOptions)
	}
	return nil
}

func (o *Options) setDefaults() {
	if o.Poll == 0 {
		o.Poll = 200 * time.Millisecond
	}
	if o.Limit == 0 {
		o.Limit = 5000
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = 30 * time.Minute
	}
	if o.Lease == 0 {
		o.Lease = 15 * time.Second
	}
}
