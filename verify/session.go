package verify

import (
	"net/url"
	"time"

	"signet/internal/matrix"
	"signet/internal/threepid"
)

// Lives of a session and of what opens it. The session's is the specification's
// (identity service API, "Authenticating"); the others follow from how quickly a
// person finds a message.
const (
	sessionLife   = 24 * time.Hour
	emailCodeLife = 15 * time.Minute
	smsCodeLife   = 10 * time.Minute
	linkLife      = 60 * time.Minute
	// sessionKept is how long an expired session is still told from one that never
	// was.
	sessionKept = 7 * 24 * time.Hour
)

// Digits of a code. A text message is typed from a phone's lock screen; an e-mail
// is usually copied, so it can be longer.
const (
	emailCodeDigits = 8
	smsCodeDigits   = 6
)

// resendDelays is how long a session waits after its first, second, third and any
// later message before it sends another.
var resendDelays = []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute}

// maxWrongCodes is how many wrong codes a session takes in its life, over all the codes
// that it was sent: a new code brings no new guesses. Five find a code of six digits
// once in 200,000. What an address takes over all its sessions is in budgets.go.
const maxWrongCodes = 5

// Credentials name a session and show that one may use it: the client made up the
// secret, the server the id.
type Credentials struct {
	SID          string
	ClientSecret string
}

// session is a row of verify_sessions.
type session struct {
	sid         string
	address     threepid.Address
	secretMAC   []byte
	caller      Caller
	purpose     Purpose
	existing    bool          // its last message told of an account in place of a code; it opens by nothing
	user        matrix.UserID // whom the address is for, if known
	asker       []byte        // keyed tag of whom its requests are told from others by
	nextLink    string
	sendAttempt int64
	messages    int       // asked for so far
	sent        time.Time // when the latest was asked for
	codeMAC     []byte
	codeExpires time.Time
	wrongCodes  int
	raised      bool // a CAPTCHA was passed for it: its guesses have budgets of their own
	linkMAC     []byte
	linkExpires time.Time
	created     time.Time
	changed     time.Time
	validated   time.Time // zero until then
	spent       time.Time // zero until then
	stopped     time.Time // when the owner said "this was not me"; zero until then
}

// expired counts from the last change; once control was shown, from then, or it
// could be prolonged for ever by asking for further messages.
func (s *session) expired(now time.Time) bool {
	since := s.changed
	if !s.validated.IsZero() {
		since = s.validated
	}
	return !now.Before(since.Add(sessionLife))
}

// over tells whether a new request with the same secret begins a new session.
func (s *session) over(now time.Time) bool { return s.expired(now) || !s.spent.IsZero() }

// mute tells whether no code opens the session any more and no link comes with its
// messages: another would be paid for and open nothing.
func (s *session) mute() bool {
	return s.address.Medium() == threepid.MSISDN && s.wrongCodes >= maxWrongCodes && s.validated.IsZero()
}

// resendWait is how long a further message must wait yet.
func (s *session) resendWait(now time.Time) time.Duration {
	delay := resendDelays[min(s.messages, len(resendDelays))-1]
	return max(0, s.sent.Add(delay).Sub(now))
}

func codeLife(m threepid.Medium) time.Duration {
	if m == threepid.MSISDN {
		return smsCodeLife
	}
	return emailCodeLife
}

func codeDigits(m threepid.Medium) int {
	if m == threepid.MSISDN {
		return smsCodeDigits
	}
	return emailCodeDigits
}

// maxNextLink is longer than browsers and mail programs carry reliably.
const maxNextLink = 2000

// validNextLink tells whether link may be offered to a person at the end.
func validNextLink(link string) bool {
	if link == "" {
		return true
	}
	u, err := url.Parse(link)
	return err == nil && len(link) <= maxNextLink && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil
}
