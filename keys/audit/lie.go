package audit

import (
	"errors"
	"fmt"

	"signet/keys/replay"
)

// Promise is what a log is held to.
type Promise string

// What is promised besides replay's invariants, I1 to I6.
const (
	Signed   Promise = "checkpoint" // it is signed, of this origin, and well-formed
	History  Promise = "history"    // what was audited before stays as it was
	Tiles    Promise = "tiles"      // tiles and bundles hold the same entries, and no more
	RootHash Promise = "root"       // the checkpoint's root is that of the entries
)

// Whole is the position of a lie that is the checkpoint's, and no single entry's.
const Whole = -1

// Lie is what a log is caught at.
type Lie struct {
	Position int64 // of the entry, counted from 0, or Whole
	Promise  Promise
	Err      error
	// Checkpoint is the signed note that does not go with the entries; nil if the note itself
	// is at fault.
	Checkpoint []byte
}

func (l Lie) Error() string {
	if l.Position == Whole {
		return fmt.Sprintf("the checkpoint breaks its promise (%s): %v", l.Promise, l.Err)
	}
	return fmt.Sprintf("entry %d breaks a promise (%s): %v", l.Position, l.Promise, l.Err)
}

func (l Lie) Unwrap() error { return l.Err }

func lie(position int64, p Promise, format string, args ...any) Lie {
	return Lie{Position: position, Promise: p, Err: fmt.Errorf(format, args...)}
}

// with puts the checkpoint beside a lie.
func with(signed []byte, err error) error {
	if l, is := errors.AsType[Lie](err); is {
		l.Checkpoint = signed
		return l
	}
	return err
}

// lieOf says of what a replay found that it is a lie.
func lieOf(err error) error {
	if b, is := errors.AsType[replay.Broken](err); is {
		return Lie{Position: b.Position, Promise: Promise(b.Invariant), Err: b.Err}
	}
	return err
}

// Unread says what of a log could not be read, so that nothing is known of it.
type Unread struct {
	Path string // below the log's base
	Err  error
}

func (u Unread) Error() string { return fmt.Sprintf("reading %s: %v", u.Path, u.Err) }

func (u Unread) Unwrap() error { return u.Err }
