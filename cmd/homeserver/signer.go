package main

import (
	"context"
	"sync"
	"time"

	"signet/internal/homeserver/event"
	"signet/internal/keyring"
	"signet/internal/matrix"
)

// signerLife is how long a key that was read signs before it is read again: a new
// one, made by the command beside the server, is taken up so soon.
const signerLife = 5 * time.Second

// signer is the key that signs events, and requests to identity servers.
type signer struct {
	ring   *keyring.Ring
	server matrix.ServerName
	now    func() time.Time

	mu    sync.Mutex // guards key and until
	key   matrix.SigningKey
	until time.Time
}

// current is the signer for an event that is made now.
func (s *signer) current(ctx context.Context) (event.Signer, error) {
	key, err := s.signingKey(ctx)
	return event.Signer{Server: s.server, Key: key}, err
}

// signingKey is the key for what is signed now.
func (s *signer) signingKey(ctx context.Context) (matrix.SigningKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.now(); !now.Before(s.until) {
		key, err := s.ring.Current(ctx)
		if err != nil {
			return matrix.SigningKey{}, err
		}
		s.key, s.until = key, now.Add(signerLife)
	}
	return s.key, nil
}
