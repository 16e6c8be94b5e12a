package log

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// ErrConfig is the error of a log that was begun with another CONFIG.
var ErrConfig = errors.New("the log was begun with other keys: put back the database's own, or begin a log of another name")

// CheckConfig holds the first entry against Options.Config. A log that was rolled back shows
// none, and signs nothing. The error is ErrConfig.
func (l *Log) CheckConfig(ctx context.Context) error {
	first, err := l.Entries(ctx, 0, 1)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrRolledBack) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the CONFIG of the log %s: %w", l.Name, err)
	}
	if !bytes.Equal(first[0], l.Config) {
		return fmt.Errorf("%s: %w", l.Origin, ErrConfig)
	}
	return nil
}
