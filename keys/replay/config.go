package replay

import (
	"errors"
	"slices"

	"signet/keys/entry"
	"signet/keys/logkeys"
)

var errNoConfig = errors.New("the log does not begin with a CONFIG")

// configure takes in a CONFIG: the first entry, or one by which keys are changed.
func (s *State) configure(h *history, e entry.Config) error {
	c, err := logkeys.Parse(e, s.origin)
	if err != nil {
		return h.broken("I5", err)
	}
	if h.size > 0 {
		err = errors.Join(h.config().CheckNext(c), c.CheckPlace(h.size))
	}
	if err != nil {
		return h.broken("I5", err)
	}
	h.configs = append(slices.Clip(h.configs), c)
	return nil
}

// config is the newest CONFIG; the zero one names no key.
func (h *history) config() logkeys.Config {
	if len(h.configs) == 0 {
		return logkeys.Config{}
	}
	return h.configs[len(h.configs)-1]
}

// CheckConfig fails if c is no CONFIG of a log with that origin.
func CheckConfig(c entry.Config, origin string) error {
	_, err := logkeys.Parse(c, origin)
	return err
}

// Configs are all CONFIGs that were taken in, in their order.
func (s *State) Configs() []logkeys.Config { return slices.Clone(s.now().configs) }

// Config is the newest CONFIG that was taken in, as the entry that it is; nil before the first.
func (s *State) Config() []byte {
	h := s.now()
	if len(h.configs) == 0 {
		return nil
	}
	return h.config().Entry().Append(nil)
}
