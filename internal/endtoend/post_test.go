package endtoend

import (
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	stdmail "net/mail"
	"regexp"
	"slices"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
)

var (
	codePattern   = regexp.MustCompile(`\b\d{4} ?\d{4}\b`)
	invitePattern = regexp.MustCompile(`/invitation#token=([\w-]+)&key=([\w-]+)`)
	linkPattern   = regexp.MustCompile(`https?://[^\s"<>]+/_signet/verify/\w+`)
)

// parts are what scripts read of mails.
var parts = map[string]*regexp.Regexp{
	"code":  regexp.MustCompile(`\b(\d{4} ?\d{4})\b`),
	"text":  regexp.MustCompile(`(?s)(.+)`),
	"token": regexp.MustCompile(`/invitation#token=([\w-]+)&`),
	"key":   regexp.MustCompile(`/invitation#token=[\w-]+&key=([\w-]+)`),
	"never": regexp.MustCompile(`(https?://[^\s"<>]+/invitation/never/[\w-]+)`),
}

// post is a mail server on loopback that keeps what it takes.
type post struct {
	addr string
	mu   sync.Mutex // guards mail
	mail []received
	read map[string]int // how many mails there were when a script read one of its parts
}

// postKey finds the mail server of a script.
type postKey struct{}

// received is a mail: whom it was for, and its plain text.
type received struct {
	to   string
	text []byte
}

func newPost(t *testing.T) *post {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &post{addr: l.Addr().String(), read: map[string]int{}}
	server := smtp.NewServer(p)
	server.Domain = "localhost"
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Close()
		<-ended
	})
	return p
}

func (p *post) all() []received {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.mail)
}

// part is what a pattern finds in the newest mail that has it, which arrived after the one
// from which the part was read before. A mail may be on its way after it was answered for.
func (p *post) part(name string) (part string, err error) {
	if !comes(func() bool { part = p.fresh(name); return part != "" }) {
		return "", fmt.Errorf("no mail has arrived with a new %s", name)
	}
	return part, nil
}

func (p *post) fresh(name string) string {
	all := p.all()
	for i := len(all) - 1; i >= p.read[name]; i-- {
		if found := parts[name].FindSubmatch(all[i].text); found != nil {
			p.read[name] = i + 1
			return string(found[1])
		}
	}
	return ""
}

// NewSession takes a mail from anybody.
func (p *post) NewSession(*smtp.Conn) (smtp.Session, error) { return &delivery{post: p}, nil }

// delivery is one connection to the mail server.
type delivery struct {
	post *post
	to   string
}

func (d *delivery) Mail(string, *smtp.MailOptions) error { return nil }
func (d *delivery) Reset()                               {}
func (d *delivery) Logout() error                        { return nil }

func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error {
	if to == "nobody@example.org" {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox: " + to}
	}
	d.to = to
	return nil
}

func (d *delivery) Data(r io.Reader) error {
	text, err := plainText(r)
	if err != nil {
		return err
	}
	d.post.mu.Lock()
	defer d.post.mu.Unlock()
	d.post.mail = append(d.post.mail, received{d.to, text})
	return nil
}

// plainText reads a mail as a mail program does and returns its text/plain part.
func plainText(r io.Reader) ([]byte, error) {
	m, err := stdmail.ReadMessage(r)
	if err != nil {
		return nil, err
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err != nil {
			return nil, err
		}
		if kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); kind == "text/plain" {
			return io.ReadAll(quotedprintable.NewReader(part))
		}
	}
}
