package format

import (
	"errors"
	"fmt"
	"time"

	"signet/keys/entry"
	"signet/keys/log"
	"signet/keys/replay"
)

// Entries is a log.Format.
type Entries struct{}

var _ log.Format = Entries{}

var errKind = errors.New("it is an entry of another kind")

// Epoch fails if the octets are no EPOCH.
func (Entries) Epoch(b []byte) (log.Epoch, error) {
	e, err := entry.Parse(b)
	if err != nil {
		return log.Epoch{}, err
	}
	epoch, ok := e.(entry.Epoch)
	if !ok {
		return log.Epoch{}, fmt.Errorf("%w: %T", errKind, e)
	}
	return log.Epoch{Position: epoch.Position, Time: time.UnixMilli(epoch.Time)}, nil
}

// Config fails if the octets are no CONFIG of a log with that origin.
func (Entries) Config(b []byte, origin string) error {
	e, err := entry.Parse(b)
	if err != nil {
		return err
	}
	config, ok := e.(entry.Config)
	if !ok {
		return fmt.Errorf("%w: %T", errKind, e)
	}
	return replay.CheckConfig(config, origin)
}
