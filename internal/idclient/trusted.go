package idclient

import (
	"errors"
	"fmt"
	"net/url"

	"signet/internal/matrix"
)

// ErrNotTrusted says that a homeserver does not use the identity server that somebody named.
var ErrNotTrusted = errors.New("this server does not use that identity server")

// Trusted are the identity servers that a homeserver uses, and that its users may name in
// their requests (M_SERVER_NOT_TRUSTED otherwise). The first is its own choice.
type Trusted []Server

// ParseTrusted reads the URL of the homeserver's own choice, empty for none, and the names of
// the others. The URL has a scheme and a host, and is known as its host; the error is
// ErrIDServer for anything else.
func ParseTrusted(own string, others []string) (t Trusted, err error) {
	if own != "" {
		u, err := url.Parse(own)
		if err != nil {
			return nil, ErrIDServer
		}
		name, err := matrix.ParseServerName(u.Host)
		if err != nil {
			return nil, ErrIDServer
		}
		t = append(t, Server{Name: name, URL: &url.URL{Scheme: u.Scheme, Host: u.Host}})
	}
	for _, other := range others {
		s, err := ParseServer(other)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", other, err)
		}
		t = append(t, s)
	}
	return t, nil
}

// Default is the one that the homeserver uses of itself, if it uses any.
func (t Trusted) Default() (s Server, ok bool) {
	if len(t) == 0 {
		return Server{}, false
	}
	return t[0], true
}

// Named is the one that a request calls id_server. Errors are ErrIDServer and ErrNotTrusted.
func (t Trusted) Named(idServer string) (Server, error) {
	named, err := ParseServer(idServer)
	if err != nil {
		return Server{}, err
	}
	for _, s := range t {
		if s.Name == named.Name {
			return s, nil
		}
	}
	return Server{}, ErrNotTrusted
}
