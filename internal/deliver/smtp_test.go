package deliver

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

func TestSendEmail(t *testing.T) {
	for _, mode := range []TLSMode{NoTLS, StartTLS, ImplicitTLS} {
		t.Run(string(mode), func(t *testing.T) {
			var sink sink
			s := newSMTP(t, sink.start(t, mode))
			mustSend(t, s, letter(t, "first"))
			mustSend(t, s, letter(t, "second"))
			mustSend(t, s, letter(t, "third"))

			got := sink.messages()
			if ids(t, got) != "first second third" {
				t.Errorf("arrived: %s, want first second third", ids(t, got))
			}
			if got[0].from != "no-reply@id.example" || got[0].to != alice {
				t.Errorf("envelope %s to %s, want no-reply@id.example to %s", got[0].from, got[0].to, alice)
			}
			if sink.connections() != 1 {
				t.Errorf("%d connections for three messages, want 1", sink.connections())
			}
		})
	}
}

func TestOurName(t *testing.T) {
	for configured, want := range map[string]string{"": "id.example", "out.id.example": "out.id.example"} {
		said := make(chan string, 1)
		sink := sink{from: func(c *smtp.Conn, _ int) error { said <- c.Hostname(); return nil }}
		o := sink.start(t, NoTLS)
		o.HELO = configured
		mustSend(t, newSMTP(t, o), letter(t, "one"))
		if got := <-said; got != want {
			t.Errorf("with HELO %q we are %q, want %q", configured, got, want)
		}
	}
}

func TestMailGoesToTheCanonicalAddress(t *testing.T) {
	var sink sink
	s := newSMTP(t, sink.start(t, NoTLS))
	m := letter(t, "one")
	m.To = address(t, "Straße@BÜCHER.example")
	mustSend(t, s, m)
	if got := sink.messages()[0].to; got != "strasse@xn--bcher-kva.example" {
		t.Errorf("mail went to %q, want strasse@xn--bcher-kva.example", got)
	}
}

func TestSMTPUTF8OnlyWhereNeededAndOffered(t *testing.T) {
	tests := []struct {
		to             string
		offered, asked bool
		want           error
	}{
		{alice, false, false, nil},
		{alice, true, false, nil},
		{"élodie@hidden.example", true, true, nil},
		{"élodie@hidden.example", false, false, ErrRefused},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.to, test.offered), func(t *testing.T) {
			sink := sink{utf8: test.offered}
			s := newSMTP(t, sink.start(t, NoTLS))
			m := letter(t, "one")
			m.To = address(t, test.to)
			err := s.SendEmail(context.Background(), m)
			if !errors.Is(err, test.want) {
				t.Fatalf("SendEmail = %v, want %v", err, test.want)
			}
			if got := sink.messages(); test.want == nil && (got[0].utf8 != test.asked || got[0].to != test.to) {
				t.Errorf("sent to %q with SMTPUTF8 %v, want %q with %v", got[0].to, got[0].utf8, test.to, test.asked)
			} else if test.want != nil && len(got) != 0 {
				t.Errorf("%d messages arrived, want none", len(got))
			}
		})
	}
}

func TestNothingLeavesWithoutTheTLSAskedFor(t *testing.T) {
	tests := []struct {
		name         string
		server, asks TLSMode
		change       func(*SMTPOptions)
	}{
		{"STARTTLS not offered", NoTLS, StartTLS, nil},
		{"no mode is STARTTLS", NoTLS, "", nil},
		{"unknown authority", StartTLS, StartTLS, func(o *SMTPOptions) { o.RootCAs = x509.NewCertPool() }},
		{"unknown authority, implicit", ImplicitTLS, ImplicitTLS, func(o *SMTPOptions) { o.RootCAs = x509.NewCertPool() }},
		{"another name", StartTLS, StartTLS, elsewhere("relay.example:25")},
		{"another name, implicit", ImplicitTLS, ImplicitTLS, elsewhere("relay.example:465")},
		{"plain server", NoTLS, ImplicitTLS, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var spoken atomic.Bool
			sink := sink{from: func(*smtp.Conn, int) error { spoken.Store(true); return nil }}
			o := sink.start(t, test.server)
			o.TLS, o.Username, o.Password = test.asks, "relay-user", password
			if test.change != nil {
				test.change(&o)
			}
			err := newSMTP(t, o).SendEmail(context.Background(), letter(t, "one"))
			if !errors.Is(err, ErrMisconfigured) {
				t.Errorf("SendEmail = %v, want %v", err, ErrMisconfigured)
			}
			if spoken.Load() || len(sink.messages()) != 0 || len(sink.signedIn()) != 0 {
				t.Errorf("the server was told a sender (%v), %d messages, users %q", spoken.Load(), len(sink.messages()), sink.signedIn())
			}
		})
	}
}

// elsewhere reaches the sink under the name of a relay that is not this machine.
func elsewhere(addr string) func(*SMTPOptions) {
	return func(o *SMTPOptions) {
		sink := o.Addr
		o.Addr = addr
		o.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, sink)
		}
	}
}

func TestAuth(t *testing.T) {
	login := []string{"LOGIN"}
	tests := []struct {
		name     string
		auth     []string
		mode     TLSMode
		password string
		change   func(*SMTPOptions)
		want     error
		asked    int // times that the server saw credentials
	}{
		{"PLAIN", nil, StartTLS, password, nil, nil, 1},
		{"LOGIN", login, StartTLS, password, nil, nil, 1},
		{"PLAIN, implicit TLS", nil, ImplicitTLS, password, nil, nil, 1},
		{"PLAIN to this machine", nil, NoTLS, password, nil, nil, 1},
		{"LOGIN to this machine", login, NoTLS, password, nil, nil, 1},
		{"PLAIN, wrong", nil, StartTLS, "wrong", nil, ErrMisconfigured, 1},
		{"LOGIN, wrong", login, StartTLS, "wrong", nil, ErrMisconfigured, 1},
		{"PLAIN in clear", nil, NoTLS, password, elsewhere("relay.example:25"), ErrMisconfigured, 0},
		{"LOGIN in clear", login, NoTLS, password, elsewhere("relay.example:25"), ErrMisconfigured, 0},
		{"nothing we speak", []string{"XOAUTH2"}, StartTLS, password, nil, ErrMisconfigured, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sink := sink{auth: test.auth}
			o := sink.start(t, test.mode)
			o.Username, o.Password = "relay-user", test.password
			if test.change != nil {
				test.change(&o)
			}
			err := newSMTP(t, o).SendEmail(context.Background(), letter(t, "one"))
			if !errors.Is(err, test.want) || err != nil && strings.Contains(err.Error(), test.password) {
				t.Errorf("SendEmail = %v, want %v and no password", err, test.want)
			}
			if users := sink.signedIn(); len(users) != test.asked || test.asked > 0 && users[0] != "relay-user" {
				t.Errorf("the server saw users %q, want %d", users, test.asked)
			}
			if arrived := len(sink.messages()); (arrived == 1) != (test.want == nil) {
				t.Errorf("%d messages arrived after %v", arrived, err)
			}
		})
	}
}

func TestKeptConnectionsGrowOld(t *testing.T) {
	var sink sink
	o := sink.start(t, NoTLS)
	now := time.Unix(1_800_000_000, 0)
	o.Clock, o.IdleTime = func() time.Time { return now }, time.Minute
	s := newSMTP(t, o)

	mustSend(t, s, letter(t, "first"))
	now = now.Add(time.Minute - 1)
	mustSend(t, s, letter(t, "within-a-minute"))
	if sink.connections() != 1 {
		t.Errorf("%d connections within the idle time, want 1", sink.connections())
	}
	now = now.Add(time.Minute)
	mustSend(t, s, letter(t, "after-a-minute"))
	if sink.connections() != 2 {
		t.Errorf("%d connections after the idle time, want 2", sink.connections())
	}
}

func TestNoConnectionIsKeptWhereNoneIsAskedFor(t *testing.T) {
	var sink sink
	o := sink.start(t, NoTLS)
	o.MaxIdle = 0
	s := newSMTP(t, o)
	mustSend(t, s, letter(t, "first"))
	mustSend(t, s, letter(t, "second"))
	if sink.connections() != 2 {
		t.Errorf("%d connections, want one a message", sink.connections())
	}
}

func TestCloseEndsIdleConnections(t *testing.T) {
	var sink sink
	s := NewSMTP(sink.start(t, NoTLS))
	mustSend(t, s, letter(t, "first"))
	s.Close()
	mustSend(t, s, letter(t, "second"))
	sink.mu.Lock()
	defer sink.mu.Unlock()
	if len(sink.conns) != 2 || sink.quits != 2 {
		t.Errorf("%d connections, %d of them taken leave of, want 2 and 2", len(sink.conns), sink.quits)
	}
	if got := ids(t, sink.received); got != "first second" {
		t.Errorf("arrived: %s, want first second", got)
	}
}

func TestManyAtOnceArriveOnce(t *testing.T) {
	var sink sink
	s := newSMTP(t, sink.start(t, StartTLS))
	const senders, each = 12, 8
	var want []string
	var group sync.WaitGroup
	for i := range senders {
		for j := range each {
			want = append(want, fmt.Sprintf("m%d.%d", i, j))
		}
		letters := letter(t, "")
		group.Go(func() {
			for j := range each {
				m := letters
				m.ID = fmt.Sprintf("m%d.%d", i, j)
				if err := s.SendEmail(context.Background(), m); err != nil {
					t.Errorf("SendEmail(%s) = %v", m.ID, err)
				}
			}
		})
	}
	group.Wait()
	got := strings.Fields(ids(t, sink.messages()))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("arrived: %q, want each of %q once", got, want)
	}
	if kept := len(s.idle.idle); kept < 1 || kept > 4 {
		t.Errorf("%d connections are kept, want 1 to 4", kept)
	}
}

func TestSenderMustBeAnAddress(t *testing.T) {
	for _, from := range []string{"", "no-reply", "no-reply@id.example>\r\nRCPT TO:<eve@evil.example", "élodie@id.example"} {
		var sink sink
		o := sink.start(t, NoTLS)
		o.From = mail.Address{Address: from}
		if err := newSMTP(t, o).SendEmail(context.Background(), letter(t, "one")); !errors.Is(err, ErrMisconfigured) {
			t.Errorf("SendEmail from %q = %v, want %v", from, err, ErrMisconfigured)
		}
		if sink.connections() != 0 {
			t.Errorf("a connection was opened for a message from %q", from)
		}
	}
}

func TestPhoneHasNoMailbox(t *testing.T) {
	var sink sink
	s := newSMTP(t, sink.start(t, NoTLS))
	m := letter(t, "one")
	m.To = phone(t)
	if err := s.SendEmail(context.Background(), m); !errors.Is(err, ErrRefused) || sink.connections() != 0 {
		t.Errorf("SendEmail to a phone = %v with %d connections, want %v and none", err, sink.connections(), ErrRefused)
	}
}
