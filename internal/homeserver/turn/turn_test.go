package turn_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"signet/internal/homeserver/turn"
)

// The password is what a TURN server computes: that of openssl dgst -sha1 -hmac.
func TestCredentials(t *testing.T) {
	s := turn.Server{URIs: []string{"turn:turn.example.com"}, Secret: []byte("north"), TTL: time.Hour}
	got := s.Credentials("@alice:example.com", time.Unix(1_700_000_000, 999_999_999))
	want := turn.Credentials{Username: "1700003600:@alice:example.com", Password: "8flbc5SCvTJ0haJydK+YN2Wb9O4=", URIs: s.URIs, TTL: time.Hour}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Credentials (- want, + got):\n%s", diff)
	}
	if other := s.Credentials("@bob:example.com", time.Unix(1_700_000_000, 0)); other.Password == got.Password {
		t.Error("two users have one password")
	}
}

func TestCheckURI(t *testing.T) {
	for uri, want := range map[string]error{
		"turn:turn.example.com:3478?transport=udp": nil,
		"turns:10.20.30.40:443?transport=tcp":      nil,
		"turn:[2001:db8::1]:3478":                  nil,
		"turn:turn.example.com":                    nil,
		"":                                         turn.ErrURI,
		"turn:":                                    turn.ErrURI,
		"stun:stun.example.com":                    turn.ErrURI,
		"https://turn.example.com":                 turn.ErrURI,
		"turn:turn.example.com:port":               turn.ErrURI,
		"turn:turn.example.com\n":                  turn.ErrURI,
		"turn://turn.example.com":                  turn.ErrURI,
	} {
		if err := turn.CheckURI(uri); !errors.Is(err, want) {
			t.Errorf("CheckURI(%q) = %v, want %v", uri, err, want)
		}
	}
}
