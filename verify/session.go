package verify

import (
	"net/url"
	"strings"
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

// maxWrongCodes is how many wrong codes a session takes in its life. Five guesses
// find a code of six digits once in 200,000.
const maxWrongCodes = 5

// Caller is who opened a session. Only the same caller may use it.
type Caller string

// Page is the caller of a session that a person opened on this server's own page.
const Page Caller = "page"

// Account is the caller of a session opened with the token of a Matrix account.
func Account(user matrix.UserID) Caller { return Caller("account " + user.String()) }

// Account returns the user whose token opened the session, if one did.
func (c Caller) Account() (matrix.UserID, bool) {
	user, ok := strings.CutPrefix(string(c), "account ")
	if !ok {
		return "", false
	}
	return matrix.UserID(user), true
}

// Asker is who messages and pages say is asking, empty for the page. An account's
// name is quoted only if it keeps today's grammar: older ones may hold any text, and
// a stranger's homeserver could make it a sentence.
func (c Caller) Asker() string {
	user, ok := c.Account()
	if !ok {
		return ""
	}
	if _, err := matrix.NewUserID(user.Localpart(), user.Server()); err != nil {
		return "an account of " + user.Server().String()
	}
	return user.String()
}

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
	nextLink    string
	sendAttempt int64
	messages    int       // asked for so far
	sent        time.Time // when the latest was asked for
	codeMAC     []byte
	codeExpires time.Time
	wrongCodes  int
	linkMAC     []byte
	linkExpires time.Time
	created     time.Time
	changed     time.Time
	validated   time.Time // zero until then
	spent       time.Time // zero until then
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
