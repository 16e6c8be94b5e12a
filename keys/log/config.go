package log

import (
	"context"
	"errors"
	"fmt"
)

// ErrConfig is the error of a log that was begun with other keys, or that names keys which are
// not here.
var ErrConfig = errors.New("the log was begun with other keys: put back the database's own, or begin a log of another name")

// CheckConfig holds the first entry against Options.Keys. A log that was rolled back shows
// none, and signs nothing. The error is ErrConfig.
func (l *Log) CheckConfig(ctx context.Context) error {
	first, err := l.Entries(ctx, 0, 1)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrRolledBack) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the CONFIG of the log %s: %w", l.Name, err)
	}
	theirs, err := l.Keys.Began(ctx, first[0])
	if err != nil {
		return fmt.Errorf("reading the CONFIG of the log %s: %w", l.Name, err)
	}
	if !theirs {
		return fmt.Errorf("%s: %w", l.Origin, ErrConfig)
	}
	return nil
}

// configure returns the CONFIG that comes after a head, nil if none has to. What could not be
// signed once it is committed is refused before.
func (l *Log) configure(ctx context.Context, from head) ([]byte, error) {
	config, err := l.Keys.Config(ctx, l.Map.Config(), from.N)
	if err != nil {
		return nil, l.overtaken(ctx, from, fmt.Errorf("asking by which keys the log signs: %w", err))
	}
	if config == nil && from.N > 0 {
		return nil, nil
	}
	if err := l.Format.Config(config, l.Origin); err != nil {
		return nil, fmt.Errorf("%w: I5: the new CONFIG: %w", ErrInvariant, err)
	}
	return config, nil
}

// overtaken says of an error about the keys of a head that another sequencer went on meanwhile,
// if one did: a key that the head names may be gone since.
func (l *Log) overtaken(ctx context.Context, of head, err error) error {
	if now, reading := selectHead(ctx, l.DB, l.Name); reading == nil && now.Tree != of.Tree {
		return fmt.Errorf("%w: %w", ErrSuperseded, err)
	}
	return err
}
