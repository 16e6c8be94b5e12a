package deliver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
)

// What became of a message that was not delivered. Every error of SMTP.SendEmail
// is one of these by errors.Is, and an *SMTPError by errors.As. The providers of
// deliver/sms speak in the same words.
var (
	// ErrRefused is a message that this recipient's side will never take.
	ErrRefused = errors.New("refused for good")
	// ErrNoMailbox is an ErrRefused that says why: nobody receives mail there.
	ErrNoMailbox = fmt.Errorf("%w: no such mailbox", ErrRefused)
	// ErrNotNow is a message to try again later: the network, or a passing fault.
	ErrNotNow = errors.New("not possible now")
	// ErrUnknownOutcome is a message that was sent whole and never answered: it may
	// have arrived, and sent again it may arrive twice.
	ErrUnknownOutcome = errors.New("outcome unknown")
	// ErrMisconfigured is a relay or provider that will take no message of ours until
	// the operator mends something: credentials, TLS, the sender.
	ErrMisconfigured = errors.New("misconfigured")
)

// SMTPError is a delivery that failed. Its text carries no address and nothing
// that the server said beyond numbers, so it may be logged.
type SMTPError struct {
	Step     string // what was under way, such as "recipient"
	Code     int    // the reply's status, 0 when there was no reply
	Enhanced string // the enhanced status of RFC 3463, such as 5.1.1, if given

	kind  error
	cause error
}

func (e *SMTPError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "SMTP %s: %v", e.Step, e.kind)
	if e.Code != 0 {
		b.WriteString(strings.TrimSuffix(fmt.Sprintf(": %d %s", e.Code, e.Enhanced), " "))
	}
	if e.cause != nil {
		fmt.Fprintf(&b, ": %v", e.cause)
	}
	return b.String()
}

// Unwrap gives the kind, one of the sentinels, and the cause on our side, such as
// context.DeadlineExceeded.
func (e *SMTPError) Unwrap() []error {
	if e.cause == nil {
		return []error{e.kind}
	}
	return []error{e.kind, e.cause}
}

// A step is a part of a delivery, with the meaning of a permanent refusal in it
// and of a connection lost in it.
type step struct {
	name    string
	refused error
	lost    error
}

// Before the recipient is named, the server can have nothing against the message:
// a refusal is about us. Once the message is sent whole, silence says nothing.
var (
	atConnect   = step{"connect", ErrMisconfigured, ErrNotNow}
	atGreeting  = step{"greeting", ErrMisconfigured, ErrNotNow}
	atSTARTTLS  = step{"STARTTLS", ErrMisconfigured, ErrNotNow}
	atAuth      = step{"AUTH", ErrMisconfigured, ErrNotNow}
	atReset     = step{"RSET", ErrMisconfigured, ErrNotNow}
	atSender    = step{"sender", ErrMisconfigured, ErrNotNow}
	atRecipient = step{"recipient", ErrRefused, ErrNotNow}
	atContent   = step{"content", ErrRefused, ErrNotNow}
	atAnswer    = step{"answer", ErrRefused, ErrUnknownOutcome}
)

var errNotSMTP = errors.New("server does not speak SMTP")

// failed turns the failure of a step into what the caller needs to know of it.
func (s step) failed(err error) error {
	e := &SMTPError{Step: s.name, kind: s.lost}
	var reply *textproto.Error
	var garbled textproto.ProtocolError
	switch {
	case errors.As(err, &reply):
		e.Code, e.Enhanced, e.kind = reply.Code, enhanced(reply), s.kindOf(reply)
	case errors.As(err, &garbled):
		e.cause = errNotSMTP // the text of garbled is the server's
	default:
		e.cause = err
		if untrusted(err) {
			e.kind = ErrMisconfigured
		}
	}
	return e
}

// is reports a failure that we see ourselves, before the server says anything.
func (s step) is(kind error, why string) error {
	return &SMTPError{Step: s.name, kind: kind, cause: errors.New(why)}
}

// kindOf judges a reply by its status (RFC 5321, section 4.2.1); 530, 534, 535 and
// 538 are about credentials in whichever step they come (RFC 4954, section 6).
func (s step) kindOf(reply *textproto.Error) error {
	switch code := reply.Code; {
	case code == 530 || code == 534 || code == 535 || code == 538:
		return ErrMisconfigured
	case s == atRecipient && noMailbox(reply):
		return ErrNoMailbox
	case code/100 == 5:
		return s.refused
	case code/100 == 4:
		return ErrNotNow
	}
	return s.lost
}

// The permanent statuses by which a server says that there is nobody to receive:
// by RFC 3463, section 3.2, no such mailbox (5.1.1), no such domain for mail
// (5.1.2), a mailbox that cannot exist (5.1.3), one that has moved away (5.1.6);
// by RFC 7505, section 4.2, a domain with a null MX (5.1.10). Policy (5.7) and a
// full or disabled mailbox (5.2) say that there is somebody, and 5.1.0 says nothing.
var nobody = []string{"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"}

// The statuses that say so where no enhanced one is given: RFC 5321, section 4.2.3,
// and RFC 7504, section 4, of 556.
var bareNobody = []int{550, 551, 553, 556}

// noMailbox tells whether a server refuses a recipient because there is none.
func noMailbox(reply *textproto.Error) bool {
	if enhancedCode.FindString(reply.Msg) == "" {
		return slices.Contains(bareNobody, reply.Code)
	}
	return slices.Contains(nobody, enhanced(reply))
}

var enhancedCode = regexp.MustCompile(`^[245]\.[0-9]{1,3}\.[0-9]{1,3}\b`)

// enhanced is the enhanced status at the front of a reply's text, if it agrees
// with the status itself (RFC 2034, section 4).
func enhanced(reply *textproto.Error) string {
	code := enhancedCode.FindString(reply.Msg)
	if code == "" || int(code[0]-'0') != reply.Code/100 {
		return ""
	}
	return code
}

// untrusted tells whether TLS failed for a reason that time does not mend.
func untrusted(err error) bool {
	var certificate *tls.CertificateVerificationError
	var alert tls.AlertError
	var plain tls.RecordHeaderError
	return errors.As(err, &certificate) || errors.As(err, &alert) || errors.As(err, &plain)
}

// ended names the end of ctx as the cause of a failure without a reply: it is what
// cut the connection.
func ended(ctx context.Context, err error) error {
	var e *SMTPError
	if ctx.Err() != nil && errors.As(err, &e) && e.Code == 0 {
		e.cause = ctx.Err()
	}
	return err
}
