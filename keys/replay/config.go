package replay

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

	"signet/keys/entry"
)

// Config is of a CONFIG entry what a replay needs.
type Config struct {
	Origin string `json:"origin"`
}

var (
	errNoConfig = errors.New("the log does not begin with a CONFIG")
	errOrigin   = errors.New("it is of another log")
)

// configure takes in a CONFIG: the first entry, or one by which keys are changed.
func (s *State) configure(h *history, c entry.Config) error {
	if err := CheckConfig(c, s.origin); err != nil {
		return h.broken("I5", err)
	}
	return nil
}

// CheckConfig fails if c is no CONFIG of a log with that origin.
func CheckConfig(c entry.Config, origin string) error {
	var said Config
	if err := json.Unmarshal(c.JSON(), &said); err != nil {
		return fmt.Errorf("reading it: %w", err)
	}
	if said.Origin != origin {
		return fmt.Errorf("%w: %q", errOrigin, said.Origin)
	}
	return nil
}
