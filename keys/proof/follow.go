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
// without the ones that sign no more; and with the keys for values that those CONFIGs name
// (learn), but for what newer has revoked, since that only takes trust away. Nothing else is
// taken from it. Without CONFIGs all keys stay. Errors: ErrPolicy, ErrUnvouched.
func (c Config) Follow(newer Config) (Config, error) {
	if newer.Server != c.Server {
		return Config{}, fmt.Errorf("%w: it is of the server %.80q", ErrPolicy, newer.Server)
	}
	c.Keys, c.Revoked = maps.Clone(c.Keys), maps.Clone(c.Revoked)
	users, vouched, err := c.Users.follow(newer.Users)
	if err != nil {
		return Config{}, err
	}
	c.Users = users
	c.learn(vouched, newer)
	c.revoke(newer.Revoked)
	if c.Servers.Origin == "" {
		return c, nil // whoever has left it out wants nothing of it
	}
	c.Servers, _, err = c.Servers.follow(newer.Servers)
	return c, err
}

// learn takes keys for values that CONFIGs name, which are vouched for: those by which the server
// says that it signs still, or did until it has revoked them. The newest come first, since there is
// an end to how many may be kept.
func (c *Config) learn(vouched []logkeys.Config, newer Config) {
	for _, config := range slices.Backward(vouched) {
		for id, octets := range config.ValueKeys() {
			key := Hash(octets)
			if c.knows(id, key) || !newer.says(id, key) || len(c.Keys)+len(c.Revoked) >= maxKeys {
				continue
			}
			if c.Keys == nil {
				c.Keys = map[matrix.KeyID]Hash{}
			}
			c.Keys[id] = key
		}
	}
}

// knows tells whether there is a key of that id, whatever it is, or the key is revoked under any.
func (c *Config) knows(id matrix.KeyID, key Hash) bool {
	_, believed := c.Keys[id]
	_, ended := c.Revoked[id]
	return believed || ended || slices.ContainsFunc(slices.Collect(maps.Values(c.Revoked)), func(r RevokedKey) bool { return r.Key == key })
}

// says tells whether a trust root has a key, believed or revoked.
func (c *Config) says(id matrix.KeyID, key Hash) bool {
	r, ended := c.Revoked[id]
	return c.Keys[id] == key || ended && r.Key == key && r.Before >= 0
}

// revoke takes trust from keys that are known: from one that is revoked already, if it ends earlier
// now. Else whoever could answer once with a late end would keep a stolen key believed for good.
func (c *Config) revoke(revoked map[matrix.KeyID]RevokedKey) {
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

// follow returns the log as it is after what newer says, and the CONFIGs that are vouched for. The
// log's first CONFIG alone, which nobody has signed, is neither believed nor kept where keys alone
// were: anybody could have made it, and the log would not go on from it.
func (l LogConfig) follow(newer LogConfig) (now LogConfig, vouched []logkeys.Config, err error) {
	if newer.Origin != l.Origin {
		return LogConfig{}, nil, fmt.Errorf("%w: it is of the log %.80q", ErrPolicy, newer.Origin)
	}
	chain, err := newer.chain()
	if err != nil || len(chain) == 0 {
		return l, nil, err
	}
	if chain, err = l.leadsTo(chain); err != nil {
		return LogConfig{}, nil, fmt.Errorf("%s: %w", l.Origin, err)
	}
	if len(chain) == 1 && chain[0].Prev == "" {
		return l, nil, nil
	}
	return NewLogConfig(chain), chain, nil
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

// leadsTo goes from the newest CONFIG that is known on, link by link. It returns that and all that
// hang together with it: those before it are as good, since it names them by their hash.
func (l LogConfig) leadsTo(chain []logkeys.Config) ([]logkeys.Config, error) {
	first, err := l.knows(chain)
	if err != nil {
		return nil, err
	}
	if first < 0 {
		return nil, ErrUnvouched
	}
	for i := first + 1; i < len(chain); i++ {
		if err := chain[i-1].CheckNext(chain[i]); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnvouched, err)
		}
	}
	for first > 0 && chain[first-1].CheckNext(chain[first]) == nil {
		first--
	}
	return chain[first:], nil
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
