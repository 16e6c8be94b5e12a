package deliver

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/mail"
	"net/textproto"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/jordan-wright/email"

	"signet/internal/threepid"
)

// maxSubject is the longest subject, in characters.
const maxSubject = 150

// compose writes a message as it goes over the wire: CRLF line ends, header lines
// within the limits of RFC 5322, text and HTML as alternatives. Whatever the
// fields of m hold, the message has exactly the header fields set here. It is not
// deterministic (MIME boundaries are random), so it is called once a message.
func compose(from mail.Address, date time.Time, m Email) ([]byte, error) {
	_, domain, _ := strings.Cut(from.Address, "@")
	header := textproto.MIMEHeader{
		"Message-Id":     {messageID(m.ID, domain)},
		"Date":           {date.Format(time.RFC1123Z)},
		"Auto-Submitted": {"auto-generated"}, // RFC 3834: no vacation notices back
	}
	if languageTag.MatchString(m.Language) {
		header.Set("Content-Language", m.Language)
	}
	if oneClick(m.Unsubscribe) {
		header.Set("List-Unsubscribe", "<"+m.Unsubscribe+">")
		header.Set("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	}
	message, err := (&email.Email{
		From:    from.String(),
		To:      []string{m.To.Mailbox()},
		Subject: headline(m.Subject),
		Text:    []byte(m.Text),
		HTML:    []byte(m.HTML),
		Headers: header,
	}).Bytes()
	if err != nil {
		return nil, fmt.Errorf("composing message: %w", err)
	}
	return foldEncodedWords(message), nil
}

var (
	dotAtom     = regexp.MustCompile(`^[0-9A-Za-z_-]+(\.[0-9A-Za-z_-]+)*$`)
	languageTag = regexp.MustCompile(`^[0-9A-Za-z]{1,8}(-[0-9A-Za-z]{1,8}){0,8}$`)
)

// oneClick tells whether an URL can stand in List-Unsubscribe: it is of the web, and of
// visible ASCII that ends no angle bracket and no line.
func oneClick(url string) bool {
	return (strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://")) && len(url) <= maxURL &&
		!strings.ContainsFunc(url, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("<>,", r) })
}

// maxURL leaves its header line within the 998 octets of RFC 5322.
const maxURL = 900

// messageID is the Message-Id of a message, the same for every try. An id that
// would not stand in a header as it is stands there as its hash.
func messageID(id, domain string) string {
	if len(id) > 64 || !dotAtom.MatchString(id) {
		id = digest(id)
	}
	return "<" + id + "@" + domain + ">"
}

// digest names a text by 128 bits of its SHA-256, in hexadecimal.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}

// headline makes one line of a subject: no control characters, no run of blanks,
// no =? by which a mail reader would take part of it for an encoded word.
func headline(subject string) string {
	line := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(subject, "\ufffd"))
	line = strings.ReplaceAll(strings.Join(strings.Fields(line), " "), "=?", "= ?")
	if runes := []rune(line); len(runes) > maxSubject {
		line = string(runes[:maxSubject])
	}
	return line
}

// foldEncodedWords breaks header lines between encoded words, where RFC 2047,
// section 2, allows it: a long subject would pass 998 octets otherwise.
func foldEncodedWords(message []byte) []byte {
	head, body, _ := bytes.Cut(message, []byte("\r\n\r\n"))
	head = bytes.ReplaceAll(head, []byte("?= =?"), []byte("?=\r\n =?"))
	return bytes.Join([][]byte{head, body}, []byte("\r\n\r\n"))
}

// senderAddress is the address that messages come from, as it goes on the wire.
// Its name loses commas, at which lists of addresses are split.
func senderAddress(from mail.Address) (mail.Address, error) {
	a, err := threepid.ParseEmail(from.Address)
	if err != nil || !ascii(a.Mailbox()) {
		return mail.Address{}, atSender.is(ErrMisconfigured, "the address to send from is not valid")
	}
	return mail.Address{Name: strings.ReplaceAll(headline(from.Name), ",", ""), Address: a.Mailbox()}, nil
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}
