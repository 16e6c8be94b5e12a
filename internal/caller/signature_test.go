package caller_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"signet/internal/caller"
	"signet/internal/fedclient"
	"signet/internal/matrix"
)

// sent is a body as the gate reads it.
func sent(body []byte) func() ([]byte, error) {
	return func() ([]byte, error) { return body, nil }
}

func (s *story) sign(r matrix.SignedRequest, change func(*matrix.XMatrix)) caller.SignedCall {
	s.Helper()
	x, err := r.Authorize(s.homeserver.key)
	if err != nil {
		s.Fatal(err)
	}
	if change != nil {
		change(&x)
	}
	return caller.SignedCall{Authorization: []string{x.String()}, Method: r.Method, URI: r.URI, Body: sent(r.Content)}
}

func TestAHomeserversSignature(t *testing.T) {
	each(t, func(s *story) {
		r := matrix.SignedRequest{Method: "POST", URI: "/unbind?x=1", Origin: "example.org", Destination: "id.example.org", Content: []byte(`{"a": 1}`)}
		good := s.sign(r, nil)
		for i, c := range []struct {
			call caller.SignedCall
			want error
		}{
			{good, nil},
			{s.sign(r, func(x *matrix.XMatrix) { x.Destination = "" }), nil},
			{s.sign(r, func(x *matrix.XMatrix) { x.Destination = "other.example" }), caller.ErrSignature},
			{s.sign(r, func(x *matrix.XMatrix) { x.Origin = "evil.example" }), caller.ErrSignature},
			{s.sign(r, func(x *matrix.XMatrix) { x.Key = "ed25519:b" }), caller.ErrSignature},
			{s.sign(r, func(x *matrix.XMatrix) { x.Signature = matrix.EncodeBase64(make([]byte, 64)) }), caller.ErrSignature},
			{caller.SignedCall{Authorization: good.Authorization, Method: "PUT", URI: good.URI, Body: good.Body}, caller.ErrSignature},
			{caller.SignedCall{Authorization: good.Authorization, Method: "POST", URI: "/unbind?x=2", Body: good.Body}, caller.ErrSignature},
			{caller.SignedCall{Authorization: good.Authorization, Method: "POST", URI: good.URI, Body: sent([]byte(`{"a": 2}`))}, caller.ErrSignature},
			{caller.SignedCall{Authorization: good.Authorization, Method: "POST", URI: good.URI, Body: sent(nil)}, caller.ErrSignature},
			{caller.SignedCall{Authorization: []string{"Bearer x"}, Method: "POST", URI: good.URI, Body: good.Body}, caller.ErrSignature},
			{caller.SignedCall{Method: "POST", URI: good.URI, Body: good.Body}, caller.ErrSignature},
		} {
			origin, err := s.Homeserver(s.Context(), c.call)
			if !errors.Is(err, c.want) || err == nil && origin != "example.org" {
				s.Errorf("case %d: Homeserver = %q, %v; want %v", i, origin, err, c.want)
			}
		}
		s.homeserver.down = fmt.Errorf("no route: %w", fedclient.ErrUnreachable)
		if _, err := s.Homeserver(s.Context(), good); !errors.Is(err, caller.ErrHomeserverDown) {
			s.Errorf("with the homeserver down = %v", err)
		}
	})
}

// One server may sign with several keys. Who names two servers, brings a token
// along, or sends more than anybody needs, is refused before a key is asked for.
func TestSeveralSignatures(t *testing.T) {
	each(t, func(s *story) {
		r := matrix.SignedRequest{Method: "GET", URI: "/x", Origin: "example.org", Destination: "id.example.org"}
		good := s.sign(r, nil).Authorization[0]
		with := func(change func(*matrix.XMatrix)) string { return s.sign(r, change).Authorization[0] }
		other := with(func(x *matrix.XMatrix) { x.Origin = "evil.example" })
		unknownKey := with(func(x *matrix.XMatrix) { x.Key = "ed25519:b" })
		elsewhere := with(func(x *matrix.XMatrix) { x.Destination = "other.example" })
		tomorrow := strings.Replace(good, "ed25519:a", "ed448:a", 1)
		for i, c := range []struct {
			headers []string
			origin  matrix.ServerName
			want    error
			asks    bool
		}{
			{[]string{good}, "", nil, true},
			{[]string{good}, "example.org", nil, true},
			{[]string{unknownKey, good}, "", nil, true},
			{[]string{elsewhere, good}, "", nil, true},
			{[]string{tomorrow, good}, "", nil, true},
			{[]string{unknownKey, unknownKey, unknownKey, good}, "", nil, true},
			{[]string{unknownKey, unknownKey}, "", caller.ErrSignature, true},
			{[]string{unknownKey, unknownKey, unknownKey, unknownKey, good}, "", caller.ErrSignature, false},
			{[]string{good, other}, "", caller.ErrSignature, false},
			{[]string{other, good}, "", caller.ErrSignature, false},
			{[]string{other, good}, "example.org", caller.ErrSignature, false},
			{[]string{good}, "evil.example", caller.ErrSignature, false},
			{[]string{good}, "example.org:8448", caller.ErrSignature, false},
			{[]string{"Bearer x", good}, "", caller.ErrSignature, false},
			{[]string{good, "Bearer x"}, "", caller.ErrSignature, false},
			{[]string{tomorrow}, "", caller.ErrSignature, false},
			{[]string{elsewhere}, "", caller.ErrSignature, false},
			{[]string{good + strings.Repeat(",a=b", 1<<18)}, "", caller.ErrSignature, false},
			{[]string{"X-Matrix"}, "", caller.ErrSignature, false},
			{[]string{""}, "", caller.ErrSignature, false},
			{nil, "", caller.ErrSignature, false},
		} {
			s.homeserver.keys = 0
			call := caller.SignedCall{Authorization: c.headers, Origin: c.origin, Method: "GET", URI: "/x", Body: sent(nil)}
			if _, err := s.Homeserver(s.Context(), call); !errors.Is(err, c.want) || (s.homeserver.keys > 0) != c.asks {
				s.Errorf("case %d: Homeserver = %v with %d keys asked for, want %v, %t", i, err, s.homeserver.keys, c.want, c.asks)
			}
		}
	})
}
