package proof

import (
	"cmp"
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"signet/internal/matrix"
	"signet/keys/value"
	"signet/keys/vrf"
)

// How far the time of a checkpoint may be from now, unless a Policy says otherwise.
const (
	DefaultMaxBehind = time.Hour
	DefaultMaxAhead  = 5 * time.Minute
)

// Policy is what somebody who verifies trusts.
type Policy struct {
	Origin  string          // of the log, such as id.example.org/users
	LogKeys []note.Verifier // one of them has signed
	// Witnesses have seen that the log only grows (C2SP tlog-cosignature), and Needed of
	// them have to have signed. Two keys of one name are one witness. With 0 none has to.
	Witnesses []note.Verifier
	Needed    int
	VRF       *vrf.PublicKey
	// Server has signed the values, by one of ServerKeys, retired ones among them.
	Server     matrix.ServerName
	ServerKeys value.ServerKeys
	// Revoked are keys of the server that are believed for what is shown to stand in the log
	// before a position.
	Revoked map[matrix.KeyID]Revoked
	// MaxBehind and MaxAhead are how long ago the log may have been sealed, and how far
	// ahead its clock may be. 0 is the default.
	MaxBehind, MaxAhead time.Duration
}

// Revoked is a key that somebody else may have.
type Revoked struct {
	Public ed25519.PublicKey
	Before int64 // position in the log
}

// keysAt are the keys that are believed for what stands at a position of the log.
func (p Policy) keysAt(position int64) value.ServerKeys {
	keys := value.ServerKeys{}
	maps.Copy(keys, p.ServerKeys)
	for id, r := range p.Revoked {
		if position < r.Before {
			keys[id] = r.Public
		}
	}
	return keys
}

// ErrPolicy is the error of a policy that nothing could be verified with.
var ErrPolicy = errors.New("the policy is not whole")

// whole returns the policy with its defaults.
func (p Policy) whole() (Policy, error) {
	p.MaxBehind = cmp.Or(p.MaxBehind, DefaultMaxBehind)
	p.MaxAhead = cmp.Or(p.MaxAhead, DefaultMaxAhead)
	switch {
	case p.Origin == "":
		return Policy{}, fmt.Errorf("%w: no origin", ErrPolicy)
	case len(p.LogKeys) == 0:
		return Policy{}, fmt.Errorf("%w: no key of the log", ErrPolicy)
	case p.VRF == nil:
		return Policy{}, fmt.Errorf("%w: no VRF key", ErrPolicy)
	case p.Server == "" || len(p.ServerKeys)+len(p.Revoked) == 0:
		return Policy{}, fmt.Errorf("%w: no key of the server", ErrPolicy)
	case p.MaxBehind < 0 || p.MaxAhead < 0:
		return Policy{}, fmt.Errorf("%w: negative time", ErrPolicy)
	case p.Needed < 0 || p.Needed > len(names(p.Witnesses)):
		return Policy{}, fmt.Errorf("%w: %d of %d witnesses", ErrPolicy, p.Needed, len(names(p.Witnesses)))
	}
	return p, nil
}

// names lists the names of keys, each once.
func names(keys []note.Verifier) []string {
	var all []string
	for _, k := range keys {
		all = append(all, k.Name())
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// has tells whether a signature was made by one of some keys.
func has(keys []note.Verifier, s note.Signature) bool {
	return slices.ContainsFunc(keys, func(k note.Verifier) bool { return k.Name() == s.Name && k.KeyHash() == s.Hash })
}
