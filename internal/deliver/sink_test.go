package deliver

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"math/big"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"signet/internal/threepid"
)

const (
	alice    = "alice@hidden.example"
	password = "correct horse"
)

// A sink is a real SMTP server on loopback that keeps what it accepts. The hooks
// are set before it starts; nil hooks accept.
type sink struct {
	hello func(c *smtp.Conn) error
	from  func(c *smtp.Conn, nth int) error // nth transaction of its connection
	rcpt  func(c *smtp.Conn, to string) error
	data  func(c *smtp.Conn, nth int) error // after the last line of the content
	taken func(c *smtp.Conn)                // once a message has arrived
	drop  string                            // a command at which the line goes dead, without TLS

	utf8 bool
	auth []string // the mechanisms offered, if not PLAIN and an unknown one

	addr  string
	roots *x509.CertPool
	stop  chan struct{} // closed at the end of the test, for hooks that hang

	mu       sync.Mutex // guards what follows
	received []received
	conns    []net.Conn
	users    []string
	quits    int // clients that took leave
}

type received struct {
	from, to string
	utf8     bool // SMTPUTF8 was asked for
	content  []byte
}

// start opens the sink and gives options that reach it.
func (s *sink) start(t testing.TB, mode TLSMode) SMTPOptions {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr, s.stop = l.Addr().String(), make(chan struct{})
	server := smtp.NewServer(smtp.BackendFunc(s.newSession))
	server.Domain, server.EnableSMTPUTF8, server.AllowInsecureAuth = "sink.example", s.utf8, true
	server.ErrorLog = log.New(io.Discard, "", 0)
	l = &listener{l, s}
	if mode != NoTLS {
		server.TLSConfig, s.roots = certificate(t)
	}
	if mode == ImplicitTLS {
		l = tls.NewListener(l, server.TLSConfig)
	}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { close(s.stop); _ = server.Close() })
	return s.options(mode)
}

func (s *sink) options(mode TLSMode) SMTPOptions {
	return SMTPOptions{
		Addr: s.addr, TLS: mode, RootCAs: s.roots, Clock: time.Now,
		From:    mail.Address{Name: "Signet", Address: "no-reply@id.example"},
		MaxIdle: 4, IdleTime: time.Hour,
	}
}

// messages is what arrived so far.
func (s *sink) messages() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.received...)
}

// signedIn is the users whose credentials the sink saw.
func (s *sink) signedIn() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.users...)
}

func (s *sink) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// hangUp closes every connection from the server's side.
func (s *sink) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.Close()
	}
}

func (s *sink) newSession(c *smtp.Conn) (smtp.Session, error) {
	if s.hello != nil {
		if err := s.hello(c); err != nil {
			return nil, err
		}
	}
	return &sinkSession{sink: s, conn: c}, nil
}

type sinkSession struct {
	*sink
	conn *smtp.Conn
	nth  int
	now  received
}

func (s *sinkSession) Mail(from string, o *smtp.MailOptions) error {
	s.nth++
	s.now = received{from: from, utf8: o.UTF8}
	if s.from != nil {
		return s.from(s.conn, s.nth)
	}
	return nil
}

func (s *sinkSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.now.to = to
	if s.rcpt != nil {
		return s.rcpt(s.conn, to)
	}
	return nil
}

func (s *sinkSession) Data(r io.Reader) (err error) {
	if s.now.content, err = io.ReadAll(r); err != nil {
		return err
	}
	if s.data != nil {
		err = s.data(s.conn, s.nth)
	}
	if err == nil {
		s.mu.Lock()
		s.received = append(s.received, s.now)
		s.mu.Unlock()
		if s.taken != nil {
			s.taken(s.conn)
		}
	}
	return err
}

func (s *sinkSession) Reset() {}

func (s *sinkSession) Logout() error { return nil }

func (s *sinkSession) AuthMechanisms() []string {
	if s.auth != nil {
		return s.auth
	}
	return []string{"XOAUTH2", "PLAIN"}
}

func (s *sinkSession) Auth(mechanism string) (sasl.Server, error) {
	if mechanism == "LOGIN" {
		return &loginServer{check: s.check}, nil
	}
	return sasl.NewPlainServer(func(_, user, pass string) error { return s.check(user, pass) }), nil
}

func (s *sinkSession) check(user, pass string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users = append(s.users, user)
	if pass != password {
		return smtp.ErrAuthFailed
	}
	return nil
}

// loginServer is the server's side of AUTH LOGIN.
type loginServer struct {
	said  []string
	check func(user, pass string) error
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if response != nil {
		l.said = append(l.said, string(response))
	}
	if len(l.said) == 2 {
		return nil, true, l.check(l.said[0], l.said[1])
	}
	return []byte([]string{"Benutzer", "Kennwort"}[len(l.said)]), false, nil
}

// listener notes the connections of a sink and lets it see their commands.
type listener struct {
	net.Listener
	sink *sink
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.sink.mu.Lock()
	defer l.sink.mu.Unlock()
	l.sink.conns = append(l.sink.conns, c)
	return &watchedConn{c, l.sink}, nil
}

type watchedConn struct {
	net.Conn
	sink *sink
}

func (c *watchedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if bytes.HasPrefix(b[:n], []byte("QUIT")) {
		c.sink.mu.Lock()
		c.sink.quits++
		c.sink.mu.Unlock()
	}
	if c.sink.drop != "" && bytes.HasPrefix(b[:n], []byte(c.sink.drop)) {
		c.Conn.Close()
		return 0, net.ErrClosed
	}
	return n, err
}

// certificate makes a throw-away certificate for 127.0.0.1.
func certificate(t testing.TB) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, roots
}

func address(t testing.TB, s string) threepid.Address {
	t.Helper()
	a, err := threepid.ParseEmail(s)
	if err != nil {
		t.Fatalf("ParseEmail(%q): %v", s, err)
	}
	return a
}

func letter(t testing.TB, id string) Email {
	return Email{ID: id, To: address(t, alice), Subject: "Your code", Text: "12345678\n", HTML: "<b>12345678</b>", Language: "en"}
}

// newSMTP is an SMTP that is closed at the end of the test.
func newSMTP(t testing.TB, o SMTPOptions) *SMTP {
	s := NewSMTP(o)
	t.Cleanup(s.Close)
	return s
}

// ids lists the Message-Ids of what arrived, in order.
func ids(t *testing.T, messages []received) string {
	t.Helper()
	var ids []string
	for _, m := range messages {
		parsed, err := mail.ReadMessage(bytes.NewReader(m.content))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, strings.TrimSuffix(strings.TrimPrefix(parsed.Header.Get("Message-Id"), "<"), "@id.example>"))
	}
	return strings.Join(ids, " ")
}

func mustSend(t *testing.T, s *SMTP, m Email) {
	t.Helper()
	if err := s.SendEmail(context.Background(), m); err != nil {
		t.Fatalf("SendEmail(%s) = %v, want it sent", m.ID, err)
	}
}
