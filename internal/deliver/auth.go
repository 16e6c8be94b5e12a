package deliver

import (
	"errors"
	"net/netip"
	"net/smtp"
	"slices"
	"strings"
)

// signIn authenticates if there are credentials. They go over TLS only, except to
// this machine, where there is no line to listen on.
func (s *SMTP) signIn(client *smtp.Client) error {
	if s.options.Username == "" {
		return nil
	}
	if _, encrypted := client.TLSConnectionState(); !encrypted && !loopback(s.host) {
		return atAuth.is(ErrMisconfigured, "credentials are not sent without TLS")
	}
	_, offered := client.Extension("AUTH")
	mechanism := s.mechanism(strings.Fields(strings.ToUpper(offered)))
	if mechanism == nil {
		return atAuth.is(ErrMisconfigured, "server offers neither PLAIN nor LOGIN")
	}
	if err := client.Auth(mechanism); err != nil {
		return atAuth.failed(err)
	}
	return nil
}

func (s *SMTP) mechanism(offered []string) smtp.Auth {
	switch {
	case slices.Contains(offered, "PLAIN"):
		return smtp.PlainAuth("", s.options.Username, s.options.Password, s.host)
	case slices.Contains(offered, "LOGIN"):
		return &loginAuth{replies: []string{s.options.Username, s.options.Password}}
	}
	return nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// loginAuth is the LOGIN mechanism, which was never standardised and is all that
// some relays offer: the server asks twice, in words of its own, for the user name
// and then for the password.
type loginAuth struct{ replies []string }

func (a *loginAuth) Start(*smtp.ServerInfo) (string, []byte, error) { return "LOGIN", nil, nil }

func (a *loginAuth) Next(_ []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	if len(a.replies) == 0 {
		return nil, errors.New("server asks for more than a user name and a password")
	}
	reply := a.replies[0]
	a.replies = a.replies[1:]
	return []byte(reply), nil
}
