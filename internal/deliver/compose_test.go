package deliver

import (
	"bytes"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"signet/internal/threepid"
)

var (
	from    = mail.Address{Name: "Signet", Address: "no-reply@id.example"}
	morning = time.Date(2027, 3, 1, 8, 30, 0, 0, time.UTC)
)

func phone(t testing.TB) threepid.Address {
	t.Helper()
	a, err := threepid.Parse("msisdn", "447400123456")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// open composes m and reads it back with the standard library's parsers.
func open(t *testing.T, m Email) (header mail.Header, parts map[string]string) {
	t.Helper()
	message, err := compose(from, morning, m)
	if err != nil {
		t.Fatalf("compose: %v", err)
	}
	checkWire(t, message)
	parsed, err := mail.ReadMessage(bytes.NewReader(message))
	if err != nil {
		t.Fatalf("reading back: %v", err)
	}
	return parsed.Header, partsOf(t, parsed)
}

func partsOf(t *testing.T, m *mail.Message) map[string]string {
	t.Helper()
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if kind != "multipart/alternative" {
		text, err := io.ReadAll(quotedprintable.NewReader(m.Body))
		if err != nil {
			t.Fatal(err)
		}
		return map[string]string{kind: string(text)}
	}
	parts := map[string]string{}
	for r := multipart.NewReader(m.Body, parameters["boundary"]); ; {
		part, err := r.NextPart()
		if err == io.EOF {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		parts[part.Header.Get("Content-Type")] = string(text)
	}
}

// checkWire states what holds of the bytes of every message.
func checkWire(t *testing.T, message []byte) {
	t.Helper()
	bare := strings.ReplaceAll(string(message), "\r\n", "")
	if strings.ContainsAny(bare, "\r\n") {
		t.Error("a line does not end in CRLF")
	}
	for line := range strings.SplitSeq(string(message), "\r\n") {
		if len(line) > 998 {
			t.Errorf("a line has %d octets, want at most 998", len(line))
		}
	}
}

func TestCompose(t *testing.T) {
	header, parts := open(t, Email{
		ID: "outbox-42", To: address(t, "Straße@BÜCHER.example"), Language: "de-CH",
		Subject: "Dein Code für Signet", Text: "Grüße\n.\n12345678\n", HTML: "<p>Grüße</p>\n",
	})
	want := map[string]string{
		"From":             `"Signet" <no-reply@id.example>`,
		"To":               "<strasse@xn--bcher-kva.example>",
		"Date":             "Mon, 01 Mar 2027 08:30:00 +0000",
		"Message-Id":       "<outbox-42@id.example>",
		"Auto-Submitted":   "auto-generated",
		"Content-Language": "de-CH",
		"Mime-Version":     "1.0",
	}
	for name, value := range want {
		if got := header.Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	if subject := decoded(t, header.Get("Subject")); subject != "Dein Code für Signet" {
		t.Errorf("Subject: %q", subject)
	}
	wantParts := map[string]string{
		"text/plain; charset=UTF-8": "Grüße\r\n.\r\n12345678\r\n",
		"text/html; charset=UTF-8":  "<p>Grüße</p>\r\n",
	}
	if !maps.Equal(parts, wantParts) {
		t.Errorf("parts %q, want %q", parts, wantParts)
	}
}

func decoded(t *testing.T, s string) string {
	t.Helper()
	text, err := new(mime.WordDecoder).DecodeHeader(s)
	if err != nil {
		t.Fatalf("decoding %q: %v", s, err)
	}
	return text
}

func TestComposeTextOnly(t *testing.T) {
	header, parts := open(t, Email{ID: "1", To: address(t, alice), Subject: "Hi", Text: "12345678"})
	if want := map[string]string{"text/plain": "12345678"}; !maps.Equal(parts, want) {
		t.Errorf("parts %q, want %q", parts, want)
	}
	if got, there := header["Content-Language"]; there {
		t.Errorf("Content-Language %q for a message in no language", got)
	}
}

func TestSubject(t *testing.T) {
	tests := []struct{ name, subject, want string }{
		{"plain", "Your code", "Your code"},
		{"blanks", "  Your \t code  ", "Your code"},
		{"line end", "Your\r\nBcc: eve@evil.example", "Your Bcc: eve@evil.example"},
		{"other line ends", "a\vb\fc\u0085d\u2028e", "a b c d e"},
		{"NUL and escape", "a\x00b\x1b[31mc\x7f", "a b [31mc"},
		{"invalid UTF-8", "a\xffb", "a\ufffdb"},
		{"long", strings.Repeat("x", 1000), strings.Repeat("x", 150)},
		{"long, four octets each", strings.Repeat("🔑", 1000), strings.Repeat("🔑", 150)},
		{"encoded word of a stranger", "=?utf-8?q?=0D=0ABcc:_eve?=", "= ?utf-8?q?=0D=0ABcc:_eve?="},
		{"two of them", "ü =?utf-8?q?a?= =?utf-8?q?b?=", "ü = ?utf-8?q?a?= = ?utf-8?q?b?="},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			header, _ := open(t, Email{ID: "1", To: address(t, alice), Subject: test.subject, Text: "x"})
			if got := decoded(t, header.Get("Subject")); got != test.want {
				t.Errorf("Subject of %q = %q, want %q", test.subject, got, test.want)
			}
		})
	}
}

func TestMessageIDIsTheSameForEveryTry(t *testing.T) {
	for _, id := range []string{"", "outbox-42", "a b", "x>\r\nBcc: eve@evil.example", "ü", "a..b", strings.Repeat("x", 1000)} {
		first, _ := open(t, Email{ID: id, To: address(t, alice), Text: "x"})
		second, _ := open(t, Email{ID: id, To: address(t, alice), Text: "x"})
		got := first.Get("Message-Id")
		if got != second.Get("Message-Id") {
			t.Errorf("Message-Id of %q is %q, then %q", id, got, second.Get("Message-Id"))
		}
		local, domain, _ := strings.Cut(strings.Trim(got, "<>"), "@")
		if !dotAtom.MatchString(local) || len(local) > 64 || domain != "id.example" {
			t.Errorf("Message-Id of %.20q is %q, want a dot-atom at id.example", id, got)
		}
	}
}

func TestLanguageThatIsNone(t *testing.T) {
	for _, language := range []string{"", "en\r\nBcc: eve@evil.example", "en US", "en-", "deutsch-schweizerisch", "ü"} {
		header, _ := open(t, Email{ID: "1", To: address(t, alice), Text: "x", Language: language})
		if got, there := header["Content-Language"]; there {
			t.Errorf("Content-Language of %q is %q, want none", language, got)
		}
	}
}

func TestSenderName(t *testing.T) {
	tests := []struct{ name, want string }{
		{"", ""},
		{"Signet", "Signet"},
		{"Doe, John", "Doe John"},
		{"Bücher, GmbH", "Bücher GmbH"},
		{"Eve\r\nBcc: eve@evil.example", "Eve Bcc: eve@evil.example"},
		{`Quote " and <eve@evil.example>`, `Quote " and <eve@evil.example>`},
	}
	for _, test := range tests {
		from, err := senderAddress(mail.Address{Name: test.name, Address: "No-Reply@ID.example"})
		if err != nil {
			t.Fatal(err)
		}
		message, err := compose(from, morning, letter(t, "1"))
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := mail.ReadMessage(bytes.NewReader(message))
		if err != nil {
			t.Fatal(err)
		}
		got, err := parsed.Header.AddressList("From")
		if err != nil || len(got) != 1 || got[0].Name != test.want || got[0].Address != "no-reply@id.example" {
			t.Errorf("From of %q = %v, %v, want %q <no-reply@id.example>", test.name, got, err, test.want)
		}
	}
}

var fields = []string{"Auto-Submitted", "Content-Language", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To"}

// No text that anyone supplies becomes a header field, moves a boundary or breaks
// a line.
func FuzzCompose(f *testing.F) {
	f.Add("id", "subject", "text", "<p>html</p>", "en")
	f.Add("x>\r\nBcc: e@e.e", "a\r\nBcc: e@e.e", "\r\n.\r\nQUIT\r\n", "\r\n\r\n--boundary", "en\r\nBcc: e@e.e")
	f.Add("\x00", "=?utf-8?q?=0D=0A?=", "\n\n", "\r", "de\n X")
	f.Add("ü", strings.Repeat("ü?= =?", 50), strings.Repeat("x", 2000), "=\r\n", "")
	f.Fuzz(func(t *testing.T, id, subject, text, html, language string) {
		header, parts := open(t, Email{ID: id, To: address(t, alice), Subject: subject, Text: "t" + text, HTML: "h" + html, Language: language})
		for name, values := range header {
			if len(values) != 1 || !slices.Contains(fields, name) {
				t.Errorf("header has %d fields %s: %q", len(values), name, values)
			}
		}
		if got := decoded(t, header.Get("Subject")); strings.ContainsFunc(got, unicode.IsControl) || utf8.RuneCountInString(got) > maxSubject {
			t.Errorf("Subject of %q = %q", subject, got)
		}
		if to, err := header.AddressList("To"); err != nil || len(to) != 1 || to[0].Address != alice {
			t.Errorf("To = %v, %v, want %s", to, err, alice)
		}
		if len(parts) != 2 {
			t.Errorf("%d parts, want 2", len(parts))
		}
	})
}

// A message that nobody asked for says how to end such messages, if it can be said in a
// header.
func TestUnsubscribe(t *testing.T) {
	const url = "https://id.example.org/invitation/never/AAAA-_"
	for given, want := range map[string]string{
		url: "<" + url + ">", "": "", "mailto:a@b.org": "", "javascript:x": "", url + ">,<https://evil.example": "", url + "\r\nBcc: x@y.org": "",
		url + strings.Repeat("a", 1000): "", "https://ü.example/": "",
	} {
		header, _ := open(t, Email{ID: "1", To: address(t, "alice@example.org"), Subject: "x", Text: "y", Unsubscribe: given})
		click := ""
		if want != "" {
			click = "List-Unsubscribe=One-Click"
		}
		if got, post := header.Get("List-Unsubscribe"), header.Get("List-Unsubscribe-Post"); got != want || post != click {
			t.Errorf("Unsubscribe %.80q: List-Unsubscribe = %q, List-Unsubscribe-Post = %q", given, got, post)
		}
		if header.Get("Bcc") != "" {
			t.Error("a header was slipped in")
		}
	}
}
