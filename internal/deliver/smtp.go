package deliver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/mail"
	"sync"
	"time"
)

// TLSMode is how the connection to the relay is protected.
type TLSMode string

// StartTLS and ImplicitTLS verify the relay's certificate; a relay that does not
// offer STARTTLS is refused. NoTLS is for a relay on this machine or its network.
// Any other value means StartTLS.
const (
	StartTLS    TLSMode = "starttls"
	ImplicitTLS TLSMode = "tls"
	NoTLS       TLSMode = "none"
)

// SMTPOptions says how to reach the relay. Addr, From and Clock are needed.
type SMTPOptions struct {
	Addr     string // host:port; the host is the name its certificate must have
	TLS      TLSMode
	From     mail.Address
	Username string         // with Password, if the relay asks for them
	Password string         // sent only over TLS, or to this machine
	HELO     string         // our name in the greeting; empty for the domain of From
	RootCAs  *x509.CertPool // nil for the system's

	// Dial opens connections; nil for the network.
	Dial  func(ctx context.Context, network, addr string) (net.Conn, error)
	Clock func() time.Time

	MaxIdle  int           // connections kept open between messages
	IdleTime time.Duration // how long one is kept; less than the relay waits
}

// SMTP delivers e-mail through one relay. It is safe for use by many goroutines;
// each message under way has a connection of its own.
type SMTP struct {
	options SMTPOptions
	host    string
	idle    pool
}

// NewSMTP makes an SMTP. It opens no connection: a relay that is down at the start
// is an ErrNotNow of the first message.
func NewSMTP(o SMTPOptions) *SMTP {
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	host, _, _ := net.SplitHostPort(o.Addr)
	return &SMTP{options: o, host: host, idle: pool{max: o.MaxIdle, life: o.IdleTime}}
}

// SendEmail delivers a message to the relay. On nil the relay has taken it; errors
// are ErrRefused, ErrNotNow, ErrUnknownOutcome and ErrMisconfigured. It waits for a
// silent relay until ctx ends, so ctx should have a deadline.
func (s *SMTP) SendEmail(ctx context.Context, m Email) error {
	e, err := s.prepare(m)
	if err != nil {
		return err
	}
	if kept := s.idle.take(s.options.Clock()); kept != nil {
		err := s.deliver(ctx, kept, e)
		if !errors.Is(err, errStale) || ctx.Err() != nil {
			return err
		}
	}
	conn, err := s.options.Dial(ctx, "tcp", s.options.Addr)
	if err != nil {
		return ended(ctx, atConnect.failed(err))
	}
	return s.deliver(ctx, &session{conn: conn}, e)
}

// Close ends the idle connections. Messages under way are finished, and their
// connections ended after them.
func (s *SMTP) Close() {
	var leaving sync.WaitGroup
	for _, c := range s.idle.close() {
		leaving.Go(c.quit)
	}
	leaving.Wait()
}

// An envelope is a message with what SMTP is told about it.
type envelope struct {
	from, to string
	utf8     bool // to is not ASCII, so SMTPUTF8 is needed (RFC 6531)
	message  []byte
}

func (s *SMTP) prepare(m Email) (envelope, error) {
	to := m.To.Mailbox()
	if to == "" {
		return envelope{}, atRecipient.is(ErrRefused, "not an e-mail address")
	}
	from, err := senderAddress(s.options.From)
	if err != nil {
		return envelope{}, err
	}
	message, err := compose(from, s.options.Clock(), m)
	if err != nil {
		return envelope{}, atContent.is(ErrRefused, "message cannot be composed")
	}
	return envelope{from: from.Address, to: to, utf8: !ascii(to), message: message}, nil
}

// deliver sends e over c and then keeps c or ends it. While it runs, the end of
// ctx moves the connection's deadline into the past, which ends any wait on it.
func (s *SMTP) deliver(ctx context.Context, c *session, e envelope) error {
	release := context.AfterFunc(ctx, c.abort)
	err := ended(ctx, s.send(c, e))
	untouched := release()
	switch {
	case !untouched || !c.usable(err):
		c.conn.Close()
	case !s.idle.put(c, s.options.Clock()):
		c.quit()
	}
	return err
}

func (s *SMTP) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: s.host, RootCAs: s.options.RootCAs, MinVersion: tls.VersionTLS12}
}
