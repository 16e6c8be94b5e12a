package caller_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"

	"signet/internal/caller"
	"signet/internal/fedclient"
	"signet/internal/matrix"
)

// forged is a call in a server's name, from a network.
func forged(server matrix.ServerName, from string) caller.SignedCall {
	x := matrix.XMatrix{Origin: server, Destination: "id.example.org", Key: "ed25519:a", Signature: "AAAA"}
	return caller.SignedCall{Authorization: []string{x.String()}, Method: "POST", URI: "/x", Body: sent(nil), Network: netip.MustParsePrefix(from)}
}

// A thousand forged headers that name one host make us ask it sixteen times at once. Who
// goes away leaves no place, since what was begun there runs on; whose key is at hand
// needs none.
func TestACrowdOfForgedSignatures(t *testing.T) {
	each(t, func(s *story) {
		f := slow{entered: make(chan matrix.ServerName, 1000), answer: make(chan struct{})}
		s.Federation = f
		ctx, goAway := context.WithCancel(s.Context())
		var calls sync.WaitGroup
		refused := make(chan error, 1000)
		for i := range 1000 {
			call := forged(matrix.ServerName(fmt.Sprintf("victim.example:%d", 1000+i)), fmt.Sprintf("192.0.2.%d/32", i%250))
			calls.Go(func() {
				_, err := s.Homeserver(ctx, call)
				refused <- err
			})
		}
		for fetches, told := 0, 0; fetches < 16 || told < 1000-16; {
			select {
			case <-f.entered:
				fetches++
			case err := <-refused:
				if told++; !errors.As(err, new(matrix.LimitExceeded)) {
					s.Fatalf("a call was neither let wait nor told to: %v", err)
				}
			}
			if fetches > 16 {
				s.Fatalf("%d fetches at once from one host", fetches)
			}
		}
		goAway()
		if _, err := s.Homeserver(s.Context(), forged("victim.example", "198.51.100.1/32")); !errors.Is(err, matrix.LimitExceeded{RetryAfter: 1e9}) {
			s.Errorf("after those who wait went away = %v", err)
		}
		if _, err := s.Homeserver(s.Context(), forged("known.example", "192.0.2.1/32")); !errors.Is(err, caller.ErrSignature) {
			s.Errorf("a server whose keys are at hand = %v", err)
		}
		close(f.answer)
		calls.Wait()
		for range 16 {
			if err := <-refused; !errors.Is(err, caller.ErrSignature) {
				s.Errorf("one that went away left its place: %v", err)
			}
		}
		if n := caller.Crowd(s.Gate); n != 0 || len(f.entered) != 0 {
			s.Errorf("%d keys are still counted, and %d fetches more", n, len(f.entered))
		}
	})
}

// One network takes half of the places, for whatever servers and by whatever way in.
func TestACrowdOfOneNetwork(t *testing.T) {
	each(t, func(s *story) {
		f := slow{entered: make(chan matrix.ServerName, 100), answer: make(chan struct{})}
		s.Federation = f
		var calls sync.WaitGroup
		for i := range 8 {
			calls.Go(func() {
				s.Homeserver(s.Context(), forged(matrix.ServerName(fmt.Sprintf("v%d.example", i)), "192.0.2.1/32"))
			})
			<-f.entered
		}
		o := openID
		o.Network = netip.MustParsePrefix("192.0.2.1/32")
		if _, err := s.Register(s.Context(), o); !errors.Is(err, matrix.LimitExceeded{RetryAfter: 1e9}) {
			s.Errorf("the ninth of one network = %v", err)
		}
		if _, err := s.Homeserver(s.Context(), forged("v8.example", "192.0.2.1/32")); !errors.Is(err, matrix.LimitExceeded{RetryAfter: 1e9}) {
			s.Errorf("the ninth signature of one network = %v", err)
		}
		close(f.answer)
		calls.Wait()
	})
}

// What the headers alone refuse is refused before the body is read.
func TestTheBodyIsReadLast(t *testing.T) {
	each(t, func(s *story) {
		s.block("evil.example", s.clock.Now().AddDate(1, 0, 0))
		good := forged("example.org", "192.0.2.1/32").Authorization[0]
		elsewhere := matrix.XMatrix{Origin: "example.org", Destination: "other.example", Key: "ed25519:a", Signature: "AAAA"}.String()
		for _, c := range []struct {
			headers []string
			want    error
		}{
			{nil, caller.ErrSignature},
			{[]string{"X-Matrix junk"}, caller.ErrSignature},
			{[]string{elsewhere}, caller.ErrSignature},
			{[]string{good, forged("other.example", "192.0.2.1/32").Authorization[0]}, caller.ErrSignature},
			{[]string{good, good, good, good, good}, caller.ErrSignature},
			{forged("a.evil.example", "192.0.2.1/32").Authorization, caller.ErrBlocked},
			{[]string{good}, errUnread},
		} {
			call := caller.SignedCall{Authorization: c.headers, Method: "POST", URI: "/x", Body: func() ([]byte, error) { return nil, errUnread }}
			if _, err := s.Homeserver(s.Context(), call); !errors.Is(err, c.want) || errors.Is(err, errUnread) != (c.want == errUnread) {
				s.Errorf("%.80q = %v, want %v", c.headers, err, c.want)
			}
		}
		if s.homeserver.keys != 0 {
			s.Errorf("%d keys were asked for", s.homeserver.keys)
		}
	})
}

var errUnread = errors.New("the body is read")

// vouching vouches for whatever user the token names.
type vouching struct{ slow }

func (vouching) Do(_ context.Context, r fedclient.Request) (fedclient.Response, error) {
	return fedclient.Response{Status: 200, Body: []byte(`{"sub":"@u` + r.Path[len(r.Path)-4:] + `:` + r.Server.String() + `"}`)}, nil
}
