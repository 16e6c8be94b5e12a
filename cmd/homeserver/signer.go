package main

import (
	"context"
	"sync"
	"time"

	"signet/internal/homeserver/event"
	"signet/internal/keyring"
	"signet/internal/matrix"
)

// signerLife is how long a key that was read signs events before it is read again: a new
// one, made by the command beside the server, is taken up so soon.
const signerLife = 5 * time.Second

// signer is the key that signs events.
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
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.now(); !now.Before(s.until) {
		key, err := s.ring.Current(ctx)
		if err != nil {
			return event.Signer{}, err
		}
		s.key, s.until = key, now.Add(signerLife)
	}
	return event.Signer{Server: s.server, Key: s.key}, nil
}
