package deliver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"strings"
	"time"
)

// errStale marks the failure of a kept connection before it took a new message:
// nothing has been sent, so a fresh connection may try.
var errStale = errors.New("kept connection is stale")

// A session is a connection to the relay, used by one goroutine at a time.
type session struct {
	conn   net.Conn     // as dialled, below TLS: its deadline and its end are those of all above
	client *smtp.Client // nil until the greetings are exchanged
	since  time.Time    // when it was last laid aside
}

// usable tells whether c is fit for another message after err: the greetings are
// exchanged, and the server is done with the last message, be it by a refusal, and
// did not announce that it will hang up (421).
func (c *session) usable(err error) bool {
	var e *SMTPError
	refused := errors.As(err, &e) && e.Code >= 400 && e.Code != 421 && !errors.Is(err, ErrMisconfigured)
	return c.client != nil && (err == nil || refused)
}

// abort ends whatever the session waits for, now and later.
func (c *session) abort() { _ = c.conn.SetDeadline(time.Unix(1, 0)) }

// quit takes leave. A server that is slow or rude about it is not worth waiting
// for, and what it answers changes nothing: every message was answered before.
func (c *session) quit() {
	const patience = 2 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	defer context.AfterFunc(ctx, c.abort)()
	_ = c.client.Quit()
	c.conn.Close()
}

// send brings one message over c, from the greeting or from the last message to
// the server's answer.
func (s *SMTP) send(c *session, e envelope) error {
	kept := c.client != nil
	if err := s.begin(c, e); err != nil && kept {
		return fmt.Errorf("%w: %w", errStale, err)
	} else if err != nil {
		return err
	}
	if err := c.command(25, "RCPT TO:<%s>", e.to); err != nil {
		return atRecipient.failed(err)
	}
	return c.data(e.message)
}

// begin opens a mail transaction. On a kept connection it starts with RSET, which
// forgets what a refused message left behind and shows whether the line still
// lives.
func (s *SMTP) begin(c *session, e envelope) error {
	if c.client == nil {
		if err := s.open(c, e.from); err != nil {
			return err
		}
	} else if err := c.client.Reset(); err != nil {
		return atReset.failed(err)
	}
	parameters := ""
	if e.utf8 {
		if offered, _ := c.client.Extension("SMTPUTF8"); !offered {
			return atRecipient.is(ErrRefused, "server does not take addresses beyond ASCII")
		}
		parameters = " BODY=8BITMIME SMTPUTF8"
	}
	if err := c.command(250, "MAIL FROM:<%s>%s", e.from, parameters); err != nil {
		return atSender.failed(err)
	}
	return nil
}

// open exchanges greetings, starts TLS and signs in, in this order.
func (s *SMTP) open(c *session, from string) error {
	conn := c.conn
	if s.options.TLS == ImplicitTLS {
		conn = tls.Client(conn, s.tlsConfig())
	}
	client, err := smtp.NewClient(conn, s.host)
	if err != nil {
		return atGreeting.failed(err)
	}
	if err := client.Hello(s.ourName(from)); err != nil {
		return atGreeting.failed(err)
	}
	if err := s.startTLS(client); err != nil {
		return err
	}
	if err := s.signIn(client); err != nil {
		return err
	}
	c.client = client
	return nil
}

// ourName is what we call ourselves: the domain of the sender unless configured.
func (s *SMTP) ourName(from string) string {
	if s.options.HELO != "" {
		return s.options.HELO
	}
	_, domain, _ := strings.Cut(from, "@")
	return domain
}

// startTLS asks for TLS where it is configured. A server that does not offer it
// may be someone in between who took the offer away, so there is no going on.
func (s *SMTP) startTLS(client *smtp.Client) error {
	if s.options.TLS == ImplicitTLS || s.options.TLS == NoTLS {
		return nil
	}
	if offered, _ := client.Extension("STARTTLS"); !offered {
		return atSTARTTLS.is(ErrMisconfigured, "server does not offer it")
	}
	if err := client.StartTLS(s.tlsConfig()); err != nil {
		return atSTARTTLS.failed(err)
	}
	return nil
}

// command sends one line and waits for a reply that begins with code.
func (c *session) command(code int, format string, args ...any) error {
	text := c.client.Text
	id, err := text.Cmd(format, args...)
	if err != nil {
		return err
	}
	text.StartResponse(id)
	defer text.EndResponse(id)
	_, _, err = text.ReadResponse(code)
	return err
}

// data sends the content. Until its last line has left, the server cannot have
// taken the message; from there to the answer, only the server knows.
func (c *session) data(message []byte) error {
	if err := c.command(354, "DATA"); err != nil {
		return atContent.failed(err)
	}
	w := c.client.Text.DotWriter()
	if _, err := w.Write(message); err != nil {
		return atContent.failed(err)
	}
	if err := w.Close(); err != nil {
		return atContent.failed(err)
	}
	if _, _, err := c.client.Text.ReadResponse(250); err != nil {
		return atAnswer.failed(err)
	}
	return nil
}
