package caller_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"signet/internal/caller"
	"signet/internal/fedclient"
	"signet/internal/matrix"
)

// slow is a federation in which every server answers only when it is let.
type slow struct {
	entered chan matrix.ServerName
	answer  chan struct{}
}

func (f slow) Do(_ context.Context, r fedclient.Request) (fedclient.Response, error) {
	f.entered <- r.Server
	<-f.answer
	return fedclient.Response{Status: 200, Body: []byte(`{"sub":"@alice:` + r.Server.String() + `"}`)}, nil
}

func (f slow) VerifyKey(ctx context.Context, server matrix.ServerName, _ matrix.KeyID) (ed25519.PublicKey, error) {
	f.entered <- server
	<-f.answer
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return nil, fedclient.ErrUnknownKey
}

// KeyAtHand has the keys of one server.
func (f slow) KeyAtHand(server matrix.ServerName, _ matrix.KeyID) (ed25519.PublicKey, error) {
	if server == "known.example" {
		return nil, fedclient.ErrUnknownKey
	}
	return nil, fedclient.ErrNotAtHand
}

// The servers that strangers name are asked by so many at once, whichever port they
// name; one network takes half of a server's places at most. Who finds no room is
// told so at once, and places are given back.
func TestACrowdAtOneServer(t *testing.T) {
	each(t, func(s *story) {
		f := slow{entered: make(chan matrix.ServerName, 100), answer: make(chan struct{})}
		s.Federation = f
		network := func(i int) netip.Prefix { return netip.MustParsePrefix(fmt.Sprintf("192.0.2.%d/32", i)) }
		register := func(server matrix.ServerName, from netip.Prefix) error {
			_, err := s.Register(s.Context(), caller.OpenID{AccessToken: "x", TokenType: "Bearer", Homeserver: server, Network: from})
			return err
		}
		var waiting sync.WaitGroup
		enter := func(server matrix.ServerName, from netip.Prefix) {
			done := make(chan error, 1)
			waiting.Go(func() { done <- register(server, from) })
			select {
			case <-f.entered:
			case err := <-done:
				s.Errorf("Register(%s, %s) = %v before anybody was asked", server, from, err)
			}
		}
		refused := func(server matrix.ServerName, from netip.Prefix) {
			s.Helper()
			limit, ok := errors.AsType[matrix.LimitExceeded](register(server, from))
			if !ok || limit.RetryAfter != time.Second {
				s.Errorf("Register(%s, %s) was not told to wait: %v", server, from, limit)
			}
		}
		for i := range 8 {
			enter(matrix.ServerName(fmt.Sprintf("victim.example:%d", 1000+i)), network(1))
		}
		refused("victim.example", network(1))
		refused("other.example", network(1))
		for range 8 {
			enter("victim.example", network(2))
		}
		refused("victim.example", network(3))
		refused("victim.example:9", netip.Prefix{})
		enter("other.example", network(3))
		enter("other.example", netip.Prefix{})
		close(f.answer)
		waiting.Wait()
		for i := range 20 {
			if err := register("victim.example", network(i%2)); err != nil {
				s.Fatalf("Register afterwards = %v", err)
			}
			<-f.entered
		}
		if n := caller.Crowd(s.Gate); n != 0 {
			s.Errorf("%d keys are still counted", n)
		}
	})
}
