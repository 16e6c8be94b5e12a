package keys

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"signet/internal/keyring"
	"signet/internal/matrix"
)

// ErrUnknownKey is the error of a key id that this server never had, or has revoked.
var ErrUnknownKey = errors.New("the public key was not found")

// Server is the identity server's own long-term keys, those for associations.
type Server struct {
	Name matrix.ServerName
	Ring *keyring.Ring // for keyring.Association
}

// Sign returns the canonical JSON of value, an object, signed under the server's
// name by its current key.
func (s *Server) Sign(ctx context.Context, value any) ([]byte, error) {
	key, err := s.Ring.Current(ctx)
	if err != nil {
		return nil, err
	}
	return key.SignValue(s.Name, value)
}

// SignAll is Sign of many values by one key, in their order, on all processors.
func (s *Server) SignAll(ctx context.Context, values []any) ([][]byte, error) {
	key, err := s.Ring.Current(ctx)
	if err != nil {
		return nil, err
	}
	signed := make([][]byte, len(values))
	var workers errgroup.Group
	workers.SetLimit(runtime.GOMAXPROCS(0))
	for i, v := range values {
		workers.Go(func() (err error) {
			signed[i], err = key.SignValue(s.Name, v)
			return err
		})
	}
	return signed, workers.Wait()
}

// SignBy is Sign by the key with that public half, under which the value was promised. Once
// that is revoked, it is by the current one.
func (s *Server) SignBy(ctx context.Context, public ed25519.PublicKey, value any) ([]byte, error) {
	key, err := s.Ring.Signing(ctx, public)
	if errors.Is(err, keyring.ErrUnknownKey) {
		return s.Sign(ctx, value)
	}
	if err != nil {
		return nil, err
	}
	return key.SignValue(s.Name, value)
}

// Current returns the public half of the key that signs today.
func (s *Server) Current(ctx context.Context) (ed25519.PublicKey, error) {
	key, err := s.Ring.Current(ctx)
	if err != nil {
		return nil, err
	}
	return key.Public(), nil
}

// Public returns the public key of that id, current or retired. The error is
// ErrUnknownKey.
func (s *Server) Public(ctx context.Context, id matrix.KeyID) (ed25519.PublicKey, error) {
	all, err := s.Ring.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range all {
		if k.ID == id {
			return k.Public, nil
		}
	}
	return nil, ErrUnknownKey
}

// All returns the public keys by which associations may be believed, current or retired.
func (s *Server) All(ctx context.Context) (map[matrix.KeyID]ed25519.PublicKey, error) {
	list, err := s.Ring.List(ctx)
	if err != nil {
		return nil, err
	}
	all := make(map[matrix.KeyID]ed25519.PublicKey, len(list))
	for _, k := range list {
		all[k.ID] = k.Public
	}
	return all, nil
}

// Revoked returns the keys that somebody else has, or may have, which sign no more.
func (s *Server) Revoked(ctx context.Context) (revoked []keyring.Key, err error) {
	all, err := s.History(ctx)
	for _, k := range all {
		if !k.Revoked.IsZero() {
			revoked = append(revoked, k)
		}
	}
	return revoked, err
}

// History returns all keys that there ever were, the newest first, which signs.
func (s *Server) History(ctx context.Context) ([]keyring.Key, error) { return s.Ring.History(ctx) }

// IsValid tells whether public, in base64 of either alphabet, is a key of this
// server. A retired key still is, for what it signed: the answer does not change as
// long as the key exists (identity service API, GET /pubkey/isvalid). A revoked key
// exists no longer.
func (s *Server) IsValid(ctx context.Context, public string) (bool, error) {
	key, err := matrix.DecodeBase64(public)
	if err != nil {
		return false, nil
	}
	all, err := s.Ring.List(ctx)
	if err != nil {
		return false, fmt.Errorf("checking a public key: %w", err)
	}
	for _, k := range all {
		if bytes.Equal(k.Public, key) {
			return true, nil
		}
	}
	return false, nil
}
