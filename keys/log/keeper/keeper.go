package keeper

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"signet/internal/keyring"
	"signet/internal/matrix"
	"signet/keys/entry"
	"signet/keys/log"
	"signet/keys/logkeys"
	"signet/keys/value"
)

// Ring has the keys of a log, as *keyring.Ring has.
type Ring interface {
	// LogKeys returns those whose private halves are here, the newest first.
	LogKeys(ctx context.Context) ([]keyring.Key, error)
	// LogKey returns the private half of one of them. The error is keyring.ErrUnknownKey.
	LogKey(ctx context.Context, public ed25519.PublicKey) (ed25519.PrivateKey, error)
	// History returns all that there ever were.
	History(ctx context.Context) ([]keyring.Key, error)
	// Forget destroys the private half of a revoked key.
	Forget(ctx context.Context, id matrix.KeyID) error
}

// Values has the keys by which the server signs values, as *keyring.Ring has.
type Values interface {
	// History returns all that there ever were, the newest first: that one signs. One that has
	// signed anything is among them.
	History(ctx context.Context) ([]keyring.Key, error)
}

// Keeper is a log.Keys.
type Keeper struct {
	Origin string
	VRF    string // public key in unpadded base64; empty in a log that has none
	Ring   Ring
	Values Values // nil in a log that has none
	Now    func() time.Time
}

var _ log.Keys = (*Keeper)(nil)

var errKind = errors.New("the entry is no CONFIG")

// key is a key of the ring as the log has it.
type key struct {
	keyring.Key
	vkey string
}

// Config is that of log.Keys.
func (k *Keeper) Config(ctx context.Context, newest []byte, position int64) ([]byte, error) {
	keys, err := k.keys(ctx)
	if err != nil {
		return nil, err
	}
	if newest == nil {
		return k.first(ctx, keys)
	}
	now, err := k.parse(newest)
	if err != nil {
		return nil, err
	}
	values, named, err := k.values(ctx, now)
	if err != nil {
		return nil, err
	}
	wanted := k.wanted(keys, now)
	if named && slices.Equal(wanted, now.VKeys) {
		return nil, k.forget(ctx, keys, now)
	}
	return k.next(ctx, keys, now, logkeys.Change{VKeys: wanted, Values: values, Position: position, Signers: map[string]note.Signer{}})
}

// next makes the CONFIG that follows.
func (k *Keeper) next(ctx context.Context, keys []key, now logkeys.Config, change logkeys.Change) (_ []byte, err error) {
	for _, v := range keys {
		if slices.Contains(now.VKeys, v.vkey) && !v.Revoked.IsZero() {
			change.Revoked = append(change.Revoked, v.vkey)
		}
	}
	for _, vkey := range slices.Concat(now.VKeys, change.VKeys) {
		if change.Signers[vkey], err = k.signer(ctx, keys, vkey); err != nil {
			return nil, err
		}
	}
	next, err := now.Next(change)
	if err != nil {
		return nil, err
	}
	return next.Entry().Append(nil), nil
}

// values are the keys for values that the next CONFIG names: the current one, and each before it
// back to one that has been named, by which something may be signed that is not logged yet. named
// tells whether the newest CONFIG names the current one already.
func (k *Keeper) values(ctx context.Context, now logkeys.Config) (keys value.ServerKeys, named bool, err error) {
	if k.Values == nil {
		return nil, true, nil
	}
	all, err := k.Values.History(ctx)
	if err != nil || len(all) == 0 {
		return nil, true, err
	}
	keys, known := value.ServerKeys{}, now.ValueKeys()
	is := func(v keyring.Key) bool { return v.Public.Equal(known[v.ID]) }
	for i, v := range all {
		if v.Revoked.IsZero() && (i == 0 || !is(v)) {
			keys[v.ID] = v.Public
		}
		if is(v) || len(keys) == logkeys.MaxValueKeys {
			break
		}
	}
	return keys, is(all[0]), nil
}

// State has the CONFIGs of a log that it has followed, as *replay.State has.
type State interface{ Configs() []logkeys.Config }

// Configs returns the CONFIGs of a log, whichever replica has appended them: whoever was shown more
// by another is not shown less here. Of a log without entries it is the one that it will begin with.
func (k *Keeper) Configs(ctx context.Context, l *log.Log, s State) ([]logkeys.Config, error) {
	if err := l.Follow(ctx); err != nil {
		return nil, err
	}
	if known := s.Configs(); len(known) > 0 {
		return known, nil
	}
	first, err := k.Config(ctx, nil, 0)
	if err != nil {
		return nil, err
	}
	c, err := k.parse(first)
	return []logkeys.Config{c}, err
}

func (k *Keeper) first(ctx context.Context, keys []key) ([]byte, error) {
	values, _, err := k.values(ctx, logkeys.Config{})
	if err != nil {
		return nil, err
	}
	c, err := logkeys.First(k.Origin, k.wanted(keys, logkeys.Config{}), k.VRF, values)
	if err != nil {
		return nil, err
	}
	return c.Entry().Append(nil), nil
}

// wanted lists the keys that should sign, the newest first: the current one, and of those that
// sign now the ones whose time has not ended. A clock that was ahead may have ended one too
// early; it stays so, or two clocks would name it and leave it out by turns.
func (k *Keeper) wanted(keys []key, now logkeys.Config) (vkeys []string) {
	at := k.Now()
	var sign []key
	for _, v := range keys {
		ends := !v.Retired.IsZero() && !v.Ends.After(at)
		if v.Retired.IsZero() || slices.Contains(now.VKeys, v.vkey) && !ends && v.Revoked.IsZero() {
			sign = append(sign, v)
		}
	}
	for _, v := range atMost(logkeys.MaxKeys, sign) {
		vkeys = append(vkeys, v.vkey)
	}
	return vkeys
}

// atMost leaves out those that end first. Only by a clock that is behind the one by which there
// was room for another are there too many, and the log must not stand still until it has caught up.
func atMost(n int, sign []key) []key {
	for len(sign) > n {
		first := slices.MinFunc(sign[1:], func(a, b key) int { return a.Ends.Compare(b.Ends) }) // the newest has no end
		sign = slices.DeleteFunc(sign, func(v key) bool { return v.vkey == first.vkey })
	}
	return sign
}

// forget has the private halves of revoked keys destroyed, which the log does not name any more.
func (k *Keeper) forget(ctx context.Context, keys []key, now logkeys.Config) error {
	for _, v := range keys {
		if v.Revoked.IsZero() || slices.Contains(now.VKeys, v.vkey) {
			continue
		}
		if err := k.Ring.Forget(ctx, v.ID); err != nil {
			return err
		}
	}
	return nil
}

// Signers is that of log.Keys.
func (k *Keeper) Signers(ctx context.Context, config []byte) (signers []note.Signer, err error) {
	named, err := k.parse(config)
	if err != nil {
		return nil, err
	}
	keys, err := k.keys(ctx)
	if err != nil {
		return nil, err
	}
	for _, vkey := range named.VKeys {
		s, err := k.signer(ctx, keys, vkey)
		if err != nil {
			return nil, err
		}
		signers = append(signers, s)
	}
	return signers, nil
}

// signer signs by one of the keys.
func (k *Keeper) signer(ctx context.Context, keys []key, vkey string) (note.Signer, error) {
	i := slices.IndexFunc(keys, func(v key) bool { return v.vkey == vkey })
	if i < 0 {
		return nil, fmt.Errorf("%w: the log names %s", log.ErrConfig, vkey)
	}
	private, err := k.Ring.LogKey(ctx, keys[i].Public)
	if err != nil {
		return nil, fmt.Errorf("the key %s of the log: %w", vkey, err)
	}
	s, _, err := log.NewSigner(k.Origin, private)
	return s, err
}

// Began is that of log.Keys.
func (k *Keeper) Began(ctx context.Context, first []byte) (bool, error) {
	c, err := k.parse(first)
	if err != nil || c.VRF != k.VRF || len(c.VKeys) == 0 {
		return false, nil
	}
	all, err := k.Ring.History(ctx)
	if err != nil {
		return false, err
	}
	ours, err := k.named(all)
	for _, vkey := range c.VKeys {
		if !slices.ContainsFunc(ours, func(v key) bool { return v.vkey == vkey }) {
			return false, err
		}
	}
	return true, err
}

func (k *Keeper) keys(ctx context.Context) ([]key, error) {
	all, err := k.Ring.LogKeys(ctx)
	if err != nil {
		return nil, err
	}
	return k.named(all)
}

func (k *Keeper) named(all []keyring.Key) (keys []key, err error) {
	for _, v := range all {
		vkey, err := note.NewEd25519VerifierKey(k.Origin, v.Public)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key{v, vkey})
	}
	return keys, nil
}

func (k *Keeper) parse(config []byte) (logkeys.Config, error) {
	e, err := entry.Parse(config)
	if err != nil {
		return logkeys.Config{}, err
	}
	c, is := e.(entry.Config)
	if !is {
		return logkeys.Config{}, errKind
	}
	return logkeys.Parse(c, k.Origin)
}
