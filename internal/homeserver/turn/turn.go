package turn

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"regexp"
	"strconv"
	"time"

	"signet/internal/matrix"
)

// Server is a TURN server, by all the ways to it.
type Server struct {
	URIs   []string // each of which CheckURI accepts
	Secret []byte   // which it shares with us
	TTL    time.Duration
}

// Credentials are those of a user.
type Credentials struct {
	Username string
	Password string
	URIs     []string
	TTL      time.Duration
}

// Credentials are good for the server's TTL from now on.
func (s *Server) Credentials(user matrix.UserID, now time.Time) Credentials {
	name := strconv.FormatInt(now.Add(s.TTL).Unix(), 10) + ":" + string(user)
	mac := hmac.New(sha1.New, s.Secret) // which TURN servers know
	mac.Write([]byte(name))
	return Credentials{Username: name, Password: base64.StdEncoding.EncodeToString(mac.Sum(nil)), URIs: s.URIs, TTL: s.TTL}
}

// ErrURI says that something is no URI of a TURN server.
var ErrURI = errors.New("not turn:HOST or turns:HOST, with a port and a transport if need be")

// uri is that of RFC 7065, with any host.
var uri = regexp.MustCompile(`^turns?:([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(\?transport=[A-Za-z0-9._-]+)?$`)

// CheckURI refuses what is no URI of a TURN server (RFC 7065) with ErrURI.
func CheckURI(s string) error {
	if !uri.MatchString(s) {
		return ErrURI
	}
	return nil
}
