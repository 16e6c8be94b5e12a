package deliver

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"signet/internal/freeport"
)

// reply is what a server says that does not want to: with the recipient in it.
func reply(code int, enhanced ...int) *smtp.SMTPError {
	e := &smtp.SMTPError{Code: code, Message: "<" + alice + "> is a spammer"}
	if len(enhanced) == 3 {
		e.EnhancedCode = smtp.EnhancedCode(enhanced)
	}
	return e
}

func TestServerSaysNo(t *testing.T) {
	no := func(e *smtp.SMTPError) func(*smtp.Conn, int) error { return func(*smtp.Conn, int) error { return e } }
	noRcpt := func(e *smtp.SMTPError) func(*smtp.Conn, string) error {
		return func(*smtp.Conn, string) error { return e }
	}
	tests := []struct {
		name     string
		sink     *sink
		want     error
		code     int
		enhanced string
		text     string
	}{
		{"hello", &sink{hello: func(*smtp.Conn) error { return reply(554, 5, 7, 1) }}, ErrMisconfigured, 554, "5.7.1", "SMTP greeting: misconfigured: 554 5.7.1"},
		{"hello, later", &sink{hello: func(*smtp.Conn) error { return reply(421, 4, 7, 0) }}, ErrNotNow, 421, "4.7.0", "SMTP greeting: not possible now: 421 4.7.0"},
		{"hello, busy", &sink{hello: func(*smtp.Conn) error { return reply(450, 4, 3, 2) }}, ErrNotNow, 450, "4.3.2", "SMTP greeting: not possible now: 450 4.3.2"},
		{"sender", &sink{from: no(reply(550, 5, 1, 8))}, ErrMisconfigured, 550, "5.1.8", "SMTP sender: misconfigured: 550 5.1.8"},
		{"sender, sign in first", &sink{from: no(reply(530, 5, 7, 0))}, ErrMisconfigured, 530, "5.7.0", "SMTP sender: misconfigured: 530 5.7.0"},
		{"sender, later", &sink{from: no(reply(451, 4, 3, 0))}, ErrNotNow, 451, "4.3.0", "SMTP sender: not possible now: 451 4.3.0"},
		{"recipient", &sink{rcpt: noRcpt(reply(550, 5, 1, 1))}, ErrNoMailbox, 550, "5.1.1", "SMTP recipient: refused for good: no such mailbox: 550 5.1.1"},
		{"recipient, greylisted", &sink{rcpt: noRcpt(reply(450, 4, 2, 0))}, ErrNotNow, 450, "4.2.0", "SMTP recipient: not possible now: 450 4.2.0"},
		{"recipient, sign in first", &sink{rcpt: noRcpt(reply(530, 5, 7, 0))}, ErrMisconfigured, 530, "5.7.0", "SMTP recipient: misconfigured: 530 5.7.0"},
		{"content", &sink{data: no(reply(554, 5, 6, 0))}, ErrRefused, 554, "5.6.0", "SMTP answer: refused for good: 554 5.6.0"},
		{"content, later", &sink{data: no(reply(452, 4, 3, 1))}, ErrNotNow, 452, "4.3.1", "SMTP answer: not possible now: 452 4.3.1"},
		{"codes that disagree", &sink{data: no(reply(554, 4, 6, 0))}, ErrRefused, 554, "", "SMTP answer: refused for good: 554"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := test.sink.start(t, NoTLS)
			s := newSMTP(t, o)
			err := s.SendEmail(context.Background(), letter(t, "one"))
			var e *SMTPError
			if !errors.Is(err, test.want) || !errors.As(err, &e) || e.Code != test.code || e.Enhanced != test.enhanced {
				t.Fatalf("SendEmail = %v, want %v with %d %s", err, test.want, test.code, test.enhanced)
			}
			if err.Error() != test.text {
				t.Errorf("error text %q, want %q", err, test.text)
			}
			if len(test.sink.messages()) != 0 {
				t.Error("a refused message arrived")
			}
			for _, kept := range s.idle.idle {
				if kept.client == nil {
					t.Error("a connection was kept that never got past its greetings")
				}
			}
		})
	}
}

func TestRefusedMessageDoesNotSpoilTheConnection(t *testing.T) {
	sink := sink{
		rcpt: func(_ *smtp.Conn, to string) error {
			if strings.HasPrefix(to, "nobody") {
				return reply(550, 5, 1, 1)
			}
			return nil
		},
		data: func(_ *smtp.Conn, nth int) error {
			if nth == 2 {
				return reply(554, 5, 7, 1)
			}
			return nil
		},
	}
	s := newSMTP(t, sink.start(t, NoTLS))
	wrong := letter(t, "unknown")
	wrong.To = address(t, "nobody@hidden.example")
	for _, m := range []Email{wrong, letter(t, "spam")} {
		if err := s.SendEmail(context.Background(), m); !errors.Is(err, ErrRefused) {
			t.Fatalf("SendEmail(%s) = %v, want %v", m.ID, err, ErrRefused)
		}
	}
	mustSend(t, s, letter(t, "good"))
	if got := sink.messages(); ids(t, got) != "good" || sink.connections() != 1 {
		t.Errorf("arrived: %s over %d connections, want good over 1", ids(t, got), sink.connections())
	}
}

// A server that falls silent is left at once when the caller's patience ends, and
// only silence after the whole message leaves the outcome open.
func TestSilentServer(t *testing.T) {
	tests := []struct {
		name string
		hang func(s *sink, silent func())
		want error
		step string
	}{
		{"hello", func(s *sink, silent func()) { s.hello = func(*smtp.Conn) error { silent(); return nil } }, ErrNotNow, "greeting"},
		{"sender", func(s *sink, silent func()) { s.from = func(*smtp.Conn, int) error { silent(); return nil } }, ErrNotNow, "sender"},
		{"recipient", func(s *sink, silent func()) { s.rcpt = func(*smtp.Conn, string) error { silent(); return nil } }, ErrNotNow, "recipient"},
		{"answer", func(s *sink, silent func()) {
			s.data = func(*smtp.Conn, int) error { silent(); return errors.New("too late") }
		}, ErrUnknownOutcome, "answer"},
	}
	for _, test := range tests {
		for _, mode := range []TLSMode{NoTLS, StartTLS, ImplicitTLS} {
			t.Run(test.name+" "+string(mode), func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				var sink sink
				test.hang(&sink, func() { cancel(); <-sink.stop })
				s := newSMTP(t, sink.start(t, mode))
				err := s.SendEmail(ctx, letter(t, "one"))
				var e *SMTPError
				if !errors.Is(err, test.want) || !errors.Is(err, context.Canceled) || !errors.As(err, &e) || e.Step != test.step {
					t.Errorf("SendEmail = %v, want %v at %s", err, test.want, test.step)
				}
				if len(s.idle.idle) != 0 {
					t.Error("the connection was kept")
				}
			})
		}
	}
}

// An answer that comes with the end of the caller's patience is an answer, but the
// connection may have been cut by then and is not kept.
func TestAnswerWithTheEndOfPatience(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var sink sink
	o := sink.start(t, NoTLS)
	o.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return &cancellingConn{c, cancel}, err
	}
	s := newSMTP(t, o)
	if err := s.SendEmail(ctx, letter(t, "one")); err != nil {
		t.Errorf("SendEmail = %v, want it sent", err)
	}
	if len(s.idle.idle) != 0 {
		t.Error("the connection was kept")
	}
	if got := ids(t, sink.messages()); got != "one" {
		t.Errorf("arrived: %q, want one", got)
	}
}

// cancellingConn cancels when it hears that the message was taken.
type cancellingConn struct {
	net.Conn
	cancel context.CancelFunc
}

func (c *cancellingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if strings.Contains(string(b[:n]), "queued") {
		c.cancel()
	}
	return n, err
}

func TestServerThatNeverGreets(t *testing.T) {
	for _, mode := range []TLSMode{NoTLS, StartTLS, ImplicitTLS} {
		t.Run(string(mode), func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0") // the kernel takes the connection, nobody else does
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			o := (&sink{addr: l.Addr().String()}).options(mode)
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
			defer cancel()
			err = newSMTP(t, o).SendEmail(ctx, letter(t, "one"))
			if !errors.Is(err, ErrNotNow) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("SendEmail = %v, want %v by deadline", err, ErrNotNow)
			}
		})
	}
}

func TestServerThatIsNotThere(t *testing.T) {
	port, err := freeport.Take()
	if err != nil {
		t.Fatal(err)
	}
	err = newSMTP(t, (&sink{addr: "127.0.0.1:" + port}).options(NoTLS)).SendEmail(context.Background(), letter(t, "one"))
	var e *SMTPError
	if !errors.Is(err, ErrNotNow) || !errors.As(err, &e) || e.Step != "connect" {
		t.Errorf("SendEmail = %v, want %v at connect", err, ErrNotNow)
	}
}

func TestPatienceThatEndedBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var sink sink
	err := newSMTP(t, sink.start(t, NoTLS)).SendEmail(ctx, letter(t, "one"))
	if !errors.Is(err, ErrNotNow) || !errors.Is(err, context.Canceled) {
		t.Errorf("SendEmail = %v, want %v as cancelled", err, ErrNotNow)
	}
}

func TestServerThatSpeaksSomethingElse(t *testing.T) {
	o := scripted(t, "HTTP/1.1 400 "+alice+"\r\n")
	err := newSMTP(t, o).SendEmail(context.Background(), letter(t, "one"))
	if !errors.Is(err, ErrNotNow) || !errors.Is(err, errNotSMTP) || strings.Contains(err.Error(), alice) {
		t.Errorf("SendEmail = %v, want %v without the server's words", err, errNotSMTP)
	}
}

// scripted is a server that says one thing at the start and one after each line it
// hears, and hangs up when it has nothing left to say.
func scripted(t *testing.T, script ...string) SMTPOptions {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		heard := bufio.NewReader(c)
		for _, line := range script {
			_, _ = c.Write([]byte(line))
			_, _ = heard.ReadString('\n')
		}
	}()
	return (&sink{addr: l.Addr().String()}).options(NoTLS)
}

func TestConnectionLostWithTheAnswer(t *testing.T) {
	sink := sink{taken: func(c *smtp.Conn) { c.Conn().Close() }}
	s := newSMTP(t, sink.start(t, NoTLS))
	if err := s.SendEmail(context.Background(), letter(t, "one")); !errors.Is(err, ErrUnknownOutcome) {
		t.Errorf("SendEmail = %v, want %v", err, ErrUnknownOutcome)
	}
	if got := ids(t, sink.messages()); got != "one" {
		t.Errorf("arrived: %q, want one, once", got)
	}
}

func TestConnectionLostBeforeTheContent(t *testing.T) {
	sink := sink{rcpt: func(c *smtp.Conn, _ string) error { c.Conn().Close(); return nil }}
	s := newSMTP(t, sink.start(t, NoTLS))
	if err := s.SendEmail(context.Background(), letter(t, "one")); !errors.Is(err, ErrNotNow) {
		t.Errorf("SendEmail = %v, want %v", err, ErrNotNow)
	}
	if got := sink.messages(); len(got) != 0 {
		t.Errorf("arrived: %s, want nothing", ids(t, got))
	}
}

// As long as the last line has not left us, nobody can have taken the message.
func TestConnectionLostWithTheLastLine(t *testing.T) {
	var sink sink
	o := sink.start(t, NoTLS)
	o.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return &breakingConn{c}, err
	}
	err := newSMTP(t, o).SendEmail(context.Background(), letter(t, "one"))
	if !errors.Is(err, ErrNotNow) || errors.Is(err, ErrUnknownOutcome) {
		t.Errorf("SendEmail = %v, want %v", err, ErrNotNow)
	}
	if got := sink.messages(); len(got) != 0 {
		t.Errorf("arrived: %s, want nothing", ids(t, got))
	}
}

// breakingConn breaks before the line that ends a message.
type breakingConn struct{ net.Conn }

func (c *breakingConn) Write(b []byte) (int, error) {
	if strings.HasSuffix(string(b), "\r\n.\r\n") {
		c.Conn.Close()
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}

func TestRudeGoodbyeChangesNothing(t *testing.T) {
	sink := sink{drop: "QUIT"}
	o := sink.start(t, NoTLS)
	o.MaxIdle = 0
	mustSend(t, newSMTP(t, o), letter(t, "one"))
	if got := ids(t, sink.messages()); got != "one" {
		t.Errorf("arrived: %q, want one, once", got)
	}
}

// However a kept connection turns out to be dead, the next message goes out once,
// over a fresh one.
func TestStaleConnectionIsReplaced(t *testing.T) {
	second := func(f func(c *smtp.Conn) error) func(*smtp.Conn, int) error {
		return func(c *smtp.Conn, nth int) error {
			if nth == 2 {
				return f(c)
			}
			return nil
		}
	}
	tests := []struct {
		name    string
		sink    *sink
		between func(*sink)
	}{
		{"closed while idle", &sink{}, (*sink).hangUp},
		{"closed at RSET", &sink{drop: "RSET"}, nil},
		{"closed at MAIL", &sink{from: second(func(c *smtp.Conn) error { return c.Conn().Close() })}, nil},
		{"one message a connection", &sink{from: second(func(*smtp.Conn) error { return reply(421, 4, 7, 0) })}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSMTP(t, test.sink.start(t, NoTLS))
			mustSend(t, s, letter(t, "first"))
			if test.between != nil {
				test.between(test.sink)
			}
			mustSend(t, s, letter(t, "second"))
			if got := ids(t, test.sink.messages()); got != "first second" || test.sink.connections() != 2 {
				t.Errorf("arrived: %q over %d connections, want first second over 2", got, test.sink.connections())
			}
		})
	}
}

func TestStaleConnectionIsReplacedOnlyOnce(t *testing.T) {
	var sick atomic.Bool
	sink := sink{from: func(c *smtp.Conn, _ int) error {
		if sick.Load() {
			return c.Conn().Close()
		}
		return nil
	}}
	s := newSMTP(t, sink.start(t, NoTLS))
	mustSend(t, s, letter(t, "first"))
	sick.Store(true)
	if err := s.SendEmail(context.Background(), letter(t, "second")); !errors.Is(err, ErrNotNow) || errors.Is(err, errStale) {
		t.Errorf("SendEmail = %v, want %v of the fresh connection", err, ErrNotNow)
	}
	if sink.connections() != 2 {
		t.Errorf("%d connections, want 2", sink.connections())
	}
}
