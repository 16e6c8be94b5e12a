package deliver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
)

// A server that says that nobody is there is told apart from one that will not or
// cannot take this message, whatever else it says.
func TestNobodyThere(t *testing.T) {
	tests := []struct {
		code     int
		enhanced []int
		want     bool
	}{
		{550, []int{5, 1, 1}, true},
		{550, []int{5, 1, 2}, true},
		{553, []int{5, 1, 3}, true},
		{551, []int{5, 1, 6}, true},
		{556, []int{5, 1, 10}, true},
		{554, []int{5, 1, 1}, true},
		{550, nil, true},
		{551, nil, true},
		{553, nil, true},
		{556, nil, true},
		{550, []int{5, 1, 0}, false},
		{550, []int{5, 1, 11}, false},
		{550, []int{5, 1, 100}, false},
		{550, []int{5, 2, 1}, false},
		{552, []int{5, 2, 2}, false},
		{550, []int{5, 4, 1}, false},
		{550, []int{5, 7, 1}, false},
		{553, []int{5, 7, 27}, false},
		{550, []int{4, 1, 1}, false}, // two statuses that disagree say nothing
		{552, nil, false},
		{554, nil, false},
		{530, []int{5, 1, 1}, false}, // about credentials, whatever it adds
		{450, []int{4, 1, 1}, false},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.code, test.enhanced), func(t *testing.T) {
			sink := &sink{rcpt: func(*smtp.Conn, string) error { return saying(test.code, test.enhanced) }}
			err := newSMTP(t, sink.start(t, NoTLS)).SendEmail(context.Background(), letter(t, "one"))
			if got := errors.Is(err, ErrNoMailbox); err == nil || got != test.want {
				t.Errorf("%v is %v: %v, want %v", err, ErrNoMailbox, got, test.want)
			}
			if test.want && !errors.Is(err, ErrRefused) {
				t.Errorf("%v is not %v, want both", err, ErrRefused)
			}
			if strings.Contains(err.Error(), alice) {
				t.Errorf("%v holds the address", err)
			}
		})
	}
}

// saying is a reply with exactly the statuses given: without one, the server must
// not add its own.
func saying(code int, enhanced []int) *smtp.SMTPError {
	if enhanced == nil {
		e := reply(code)
		e.EnhancedCode = smtp.NoEnhancedCode
		return e
	}
	return reply(code, enhanced...)
}

// The same status in another step is about the sender or the message.
func TestNobodyIsSaidOfRecipientsOnly(t *testing.T) {
	no := func(*smtp.Conn, int) error { return saying(550, []int{5, 1, 1}) }
	for name, sink := range map[string]*sink{"sender": {from: no}, "content": {data: no}} {
		t.Run(name, func(t *testing.T) {
			err := newSMTP(t, sink.start(t, NoTLS)).SendEmail(context.Background(), letter(t, "one"))
			if err == nil || errors.Is(err, ErrNoMailbox) {
				t.Errorf("SendEmail = %v, want an error that is not %v", err, ErrNoMailbox)
			}
		})
	}
}
