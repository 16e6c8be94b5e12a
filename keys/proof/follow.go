package proof

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"signet/internal/matrix"
	"signet/keys/entry"
	"signet/keys/logkeys"
	"signet/keys/value"
)

// ErrUnvouched is the error of keys of a log that no key which is known has vouched for.
var ErrUnvouched = errors.New("no key of the log that is known has vouched for the keys that it names now")

// Follow returns the trust root as it is after what the same server says now: with the keys
// that its logs sign by now, if CONFIGs lead from those that are known here to those, and
// without the ones that sign no more; and with what newer has revoked of the keys for values,
// since that only takes trust away. Nothing else is taken from it: nobody has vouched for it.
// Without CONFIGs the keys of the logs stay. Errors: ErrPolicy, ErrUnvouched.
func (c Config) Follow(newer Config) (Config, error) {
	if newer.Server != c.Server {
		return Config{}, fmt.Errorf("%w: it is of the server %.80q", ErrPolicy, newer.Server)
	}
	c.revoke(newer.Revoked)
	var err error
	if c.Users, err = c.Users.follow(newer.Users); err != nil {
		return Config{}, err
	}
	if c.Servers.Origin == "" {
		return c, nil // whoever has left it out wants nothing of it
	}
	c.Servers, err = c.Servers.follow(newer.Servers)
	return c, err
}

// revoke takes trust from keys that are known: from one that is revoked already, if it ends earlier
// now. Else whoever could answer once with a late end would keep a stolen key believed for good.
func (c *Config) revoke(revoked map[matrix.KeyID]RevokedKey) {
	c.Keys, c.Revoked = maps.Clone(c.Keys), maps.Clone(c.Revoked)
	for id, r := range revoked {
		key, believed := c.Keys[id]
		known, ended := c.Revoked[id]
		if r.Before < 0 || !(believed && key == r.Key) && !(ended && known.Key == r.Key && r.Before < known.Before) {
			continue
		}
		delete(c.Keys, id)
		if c.Revoked == nil {
			c.Revoked = map[matrix.KeyID]RevokedKey{}
		}
		c.Revoked[id] = r
	}
}

func (l LogConfig) follow(newer LogConfig) (LogConfig, error) {
	if newer.Origin != l.Origin {
		return LogConfig{}, fmt.Errorf("%w: it is of the log %.80q", ErrPolicy, newer.Origin)
	}
	chain, err := newer.chain()
	if err != nil {
		return LogConfig{}, err
	}
	if len(chain) == 0 {
		return l, nil
	}
	if err := l.leadsTo(chain); err != nil {
		return LogConfig{}, fmt.Errorf("%s: %w", l.Origin, err)
	}
	l.VKeys, l.Configs = slices.Clone(chain[len(chain)-1].VKeys), newer.Configs
	return l, nil
}

// chain reads the CONFIGs.
func (l LogConfig) chain() (chain []logkeys.Config, err error) {
	for _, object := range l.Configs {
		canonical, err := value.Canonical(object)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrPolicy, err)
		}
		e, err := entry.NewConfig(canonical)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrPolicy, err)
		}
		c, err := logkeys.Parse(e, l.Origin)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrPolicy, err)
		}
		chain = append(chain, c)
	}
	return chain, nil
}

// leadsTo goes from the newest CONFIG that is known on, link by link.
func (l LogConfig) leadsTo(chain []logkeys.Config) error {
	first, err := l.knows(chain)
	if err != nil {
		return err
	}
	if first < 0 {
		return ErrUnvouched
	}
	for i := first + 1; i < len(chain); i++ {
		if err := chain[i-1].CheckNext(chain[i]); err != nil {
			return fmt.Errorf("%w: %w", ErrUnvouched, err)
		}
	}
	return nil
}

// knows finds the newest CONFIG that is known. Where keys alone were kept it is the newest that
// names them all, and by that is signed by them: whoever has stolen one of two cannot make it.
func (l LogConfig) knows(chain []logkeys.Config) (int, error) {
	kept, err := l.chain()
	if err != nil {
		return 0, err
	}
	for i, c := range slices.Backward(chain) {
		if len(kept) > 0 && bytes.Equal(c.JSON(), kept[len(kept)-1].JSON()) || len(kept) == 0 && l.standFor(c) {
			return i, nil
		}
	}
	return -1, nil
}

// standFor tells whether the keys that are known have vouched for a CONFIG: for the first of a
// log, which nobody signs, by being its keys.
func (l LogConfig) standFor(c logkeys.Config) bool {
	if len(l.VKeys) == 0 {
		return false
	}
	for _, vkey := range l.VKeys {
		if !slices.Contains(c.VKeys, vkey) {
			return false
		}
	}
	if c.Prev == "" {
		return len(c.VKeys) == len(l.VKeys)
	}
	return c.CheckSelf() == nil
}
